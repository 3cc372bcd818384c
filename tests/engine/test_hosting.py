"""Guests under the machine's terms: names that lead too near, secrets that are not there, a machine's own passwords."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.engine import seal
from stacks.engine.errors import CommandFailed, Failed, Refused
from stacks.engine.layout import Layout
from stacks.engine.sources import Sources
from stacks.engine.terms import Terms
from tests.engine.conftest import Runner, write_tree
from tests.guarded import serving
from tests.wheels import Index, tiny_recipe


def asked(text: str) -> dict[str, object]:
    return {"version": "a", "generation": 1, "recipe_text": text}


def test_a_name_that_leads_to_this_machine_is_refused_before_anything_is_fetched(
    runner: Runner, index: Index, layout: Layout
) -> None:
    name = socket.gethostname()
    try:
        socket.getaddrinfo(name, 443)
    except OSError:
        pytest.skip("this machine's name leads nowhere")
    text = tiny_recipe(index).replace(index.url, f"https://{name}/simple")
    says = rf"anaconda3: “index” has “https://{name}/simple”, which leads to .*this machine"
    with pytest.raises(Refused, match=says):
        runner.run("build", **asked(text))
    assert not layout.building.exists()


def test_a_secret_that_this_machine_has_not_is_refused_at_once(runner: Runner, index: Index, tmp_path: Path) -> None:
    runner.terms = replace(runner.terms, secrets=tmp_path)
    text = tiny_recipe(index).replace("jupyter = true", 'jupyter = true\nsecrets = ["lab"]')
    with pytest.raises(Refused, match="asks for the secret “lab”"):
        runner.plan("build", **asked(text))
    with pytest.raises(Refused, match="asks for the secret “lab”"):
        runner.plan("solve", recipe_text=text)


@pytest.mark.parametrize("place", ["/proc", "home/run"])
def test_no_kernelspec_directory_opens_what_is_closed(runner: Runner, index: Index, tmp_path: Path, place: str) -> None:
    (tmp_path / "home/run").mkdir(parents=True)
    (tmp_path / "home/run").chmod(0o700)
    runner.terms = Terms(sources=Sources(directories=(Path("/"),), home=tmp_path / "home"))
    with pytest.raises(Refused, match="is closed to builds"):
        runner.plan("build", **asked(tiny_recipe(index)), kernel_dir=str(tmp_path / place))


def test_the_machines_own_index_is_used_without_its_password_in_sight(
    runner: Runner, index: Index, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.terms = Terms(sources=Sources(hosts=("127.0.0.1",), directories=(Path("/"),)))
    text = tiny_recipe(index).replace(f'index = "{index.url}"', "")
    with serving(index.place, "us:Machine-wide-1") as server:
        address = server.url.replace("//", "//us:Machine-wide-1@")
        monkeypatch.setenv("UV_DEFAULT_INDEX", address)
        outcome = runner.run("build", **asked(text))
        assert outcome["packages"]["anaconda3"]["tiny-star"] == "1.0"
        assert {login for _, login in server.asked if login} == {"us:Machine-wide-1"}
    assert "Machine-wide-1" not in runner.text + str(outcome)
    grep = [path for path in layout.root.rglob("*") if path.is_file() and b"Machine-wide-1" in path.read_bytes()]
    assert grep == []


@pytest.mark.parametrize("where", ["content", "name", "target"])
def test_a_tree_that_holds_a_secret_is_not_sealed(layout: Layout, where: str) -> None:
    files = {"anaconda3/x": "before T0ken-of-the-lab after", "anaconda3/T0ken-of-the-lab": "x", "anaconda3/link": ""}
    path = list(files)[("content", "name", "target").index(where)]
    write_tree(layout.building, {path: files[path]})
    if where == "target":
        (layout.building / path).unlink()
        (layout.building / path).symlink_to("T0ken-of-the-lab")
    assert path in {entry.path for entry in seal.scan(layout).entries}
    with pytest.raises(Failed, match=f"1 file.s. hold a secret that the build was given, first {path}"):
        seal.scan(layout, secrets=[b"T0ken-of-the-lab"])


def test_a_redirect_of_an_index_to_the_neighbourhood_is_not_followed(runner: Runner, index: Index) -> None:
    runner.terms = Terms(sources=Sources(hosts=("127.0.0.1",), directories=(Path("/"),)))
    with serving(index.place) as server:
        server.redirects["/tiny-star/"] = "http://169.254.169.254/tiny-star/"
        text = tiny_recipe(index).replace(index.url, server.url)
        with pytest.raises(CommandFailed, match="uv resolve anaconda3"):
            runner.run("build", **asked(text))
    refused = [event.text for event in runner.events if event.kind == "warning"]
    assert any("169.254.169.254:80 leads to 169.254.169.254, which is the local link" in text for text in refused)
