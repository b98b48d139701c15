#!/usr/bin/env python3
"""Plays the same scenarios on Everhall and on another server, in turn, and prints the ratios.

    bench/peers/evennia.sh start /tmp/evennia 4100
    bench/peers/compare.py bench/peers/evennia.toml --addr 127.0.0.1:4100 \
        --pids $(cat /tmp/evennia/game/server/portal.pid) $(cat /tmp/evennia/game/server/server.pid)

Only the one that is measured has clients; the other is idle meanwhile.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import figures  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("peer", help="its file")
parser.add_argument("--addr", required=True, help="where it listens for telnet")
parser.add_argument("--pids", nargs=2, help="the processes that hold its sockets and run its world")
parser.add_argument("--clients", default="50")
parser.add_argument("--seconds", default="10")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--scenarios", nargs="+", default=["look", "say", "move", "getdrop", "mix", "chat"])
args = parser.parse_args()


def play_peer(scenario):
    command = [figures.EVERHALL, "bench", "run", "--peer", args.peer, "--addr", args.addr, "--scenario", scenario]
    command += ["--clients", args.clients, "--seconds", args.seconds, "--json"]
    if args.pids:
        command += ["--portal-pid", args.pids[0], "--server-pid", args.pids[1]]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout:
        print(f"{scenario}: {done.stderr.strip()}", file=sys.stderr)
    return json.loads(done.stdout or "null")


def cpu(report):
    loads = [report[process] for process in ("portal", "server")]
    return sum(load["cpu_us_per_command"] for load in loads) if all(loads) else float("nan")


model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
print(f"{os.cpu_count()} cores, {model}, {platform.release()}, load {os.getloadavg()[0]:.1f}")
with figures.world() as everhall:
    for scenario in args.scenarios:
        ours, theirs = [], []
        for _ in range(args.rounds):
            ours.append(everhall.bench(scenario, clients=args.clients, seconds=args.seconds))
            theirs.append(play_peer(scenario))
        ours, theirs = figures.median(ours), figures.median(theirs)
        if not ours or not theirs:
            continue
        wrong = [report["peer"] for report in (ours, theirs) if report["unexpected"]]
        print(
            f"| {scenario} | {ours['commands_per_second']:,.0f}/s, p99 {ours['p99_us'] / 1000:.1f} ms, {cpu(ours):.0f} µs "
            f"| {theirs['commands_per_second']:,.0f}/s, p99 {theirs['p99_us'] / 1000:.1f} ms, {cpu(theirs):,.0f} µs "
            f"| {ours['commands_per_second'] / max(theirs['commands_per_second'], 1):,.0f} |"
            + (f" NOT VALID: refusals of {wrong}, {theirs['unexpected_example'] or ours['unexpected_example']}" if wrong else ""),
            flush=True,
        )
