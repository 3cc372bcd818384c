"""The addresses of the pages about people."""

from __future__ import annotations

from django.urls import path

from access.views.account import account, password, sign_out_everywhere, token_add, token_revoke
from access.views.people import (
    people,
    person,
    person_add,
    person_close,
    person_link,
    person_open,
    person_role,
    person_sign_out,
    person_token_revoke,
)
from access.views.sign_in import sign_in, sign_in_link, sign_out
from access.views.trail import trail

app_name = "access"

urlpatterns = [
    path("sign-in/", sign_in, name="sign-in"),
    path("sign-in/link/", sign_in_link, name="sign-in-link"),
    path("sign-out/", sign_out, name="sign-out"),
    path("account/", account, name="account"),
    path("account/password/", password, name="password"),
    path("account/sign-out-everywhere/", sign_out_everywhere, name="sign-out-everywhere"),
    path("account/tokens/", token_add, name="token-add"),
    path("account/tokens/<int:pk>/revoke/", token_revoke, name="token-revoke"),
    path("people/", people, name="people"),
    path("people/add/", person_add, name="person-add"),
    path("people/<int:pk>/", person, name="person"),
    path("people/<int:pk>/role/", person_role, name="person-role"),
    path("people/<int:pk>/close/", person_close, name="person-close"),
    path("people/<int:pk>/open/", person_open, name="person-open"),
    path("people/<int:pk>/sign-out/", person_sign_out, name="person-sign-out"),
    path("people/<int:pk>/link/", person_link, name="person-link"),
    path("people/<int:pk>/tokens/<int:token>/revoke/", person_token_revoke, name="person-token-revoke"),
    path("audit/", trail, name="trail"),
]
