"""What a fleet costs its control plane, and how many machines one PostgreSQL and one Redis carry before it breaks.

    python -m bench.fleet [--quick] [--json FILE]

Machines are simulated (bench.fleet.machines) in two processes; database, broker and the clock are real. Each size is
measured for a while: people click deploys, one rollout goes over a tenth of the machines, and pages are asked for.
The next size is taken until something breaks: upkeep that comes a round too late, a click that is claimed after more
than five seconds, a rollout that does not end. It ends by itself within eight minutes.
"""
