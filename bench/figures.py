#!/usr/bin/env python3
"""Measures the figures of docs/performance.md: `bench/figures.py all`, or the name of one row.

Needs a release build (`cargo build --release`), and nothing else on the machine meanwhile. Every row starts a fresh
world in a temporary folder beside the target directory, so that it is on the disk and not in memory.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
EVERHALL = os.environ.get("EVERHALL", str(ROOT / "target/release/everhall"))
POSTGRES = os.environ.get("EVERHALL_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")


class World:
    """A running world with bots in it."""

    def __init__(self, folder, rooms=100, accounts=300, env=None, config="", prepared=True):
        self.data = pathlib.Path(folder) / "data"
        self.config = pathlib.Path(folder) / "everhall.toml"
        self.config.write_text(config)
        self.env = {**os.environ, "EVERHALL_ADMIN_PASSWORD": "passw0rdX9", **(env or {})}
        if prepared:
            self.call("bench", "prepare", "--rooms", str(rooms), "--accounts", str(accounts))
        self.process = None

    def args(self, *args):
        return [EVERHALL, *args, "--data-dir", str(self.data), "--config", str(self.config)]

    def call(self, *args):
        done = subprocess.run(self.args(*args), capture_output=True, text=True, env=os.environ | {"EVERHALL_ADMIN_PASSWORD": "passw0rdX9"})
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def start(self, port=0):
        ports = ["--telnet", f"127.0.0.1:{port}", "--http", "127.0.0.1:0"]
        self.process = subprocess.Popen(self.args("run", *ports), env=self.env, stdout=subprocess.DEVNULL)
        if port == 0:
            while self.status().get("server", {}).get("state") != "ready":
                time.sleep(0.05)
        return self

    def status(self):
        done = subprocess.run(self.args("status", "--json"), capture_output=True, text=True)
        return json.loads(done.stdout or "{}")

    def bench(self, scenario, **options):
        done = subprocess.run(self.bench_args(scenario, **options), capture_output=True, text=True)
        if done.returncode != 0:
            print(f"{scenario}: {done.stderr.strip()}")
        return json.loads(done.stdout or "null")

    def bench_args(self, scenario, **options):
        address = self.status()["listeners"]["telnet"]
        given = [part for key, value in options.items() for part in (f"--{key}", str(value))]
        return self.args("bench", "run", "--addr", address, "--scenario", scenario, "--json", *given)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)


@contextlib.contextmanager
def world(start=True, **options):
    parent = ROOT / "target"
    parent.mkdir(exist_ok=True)
    folder = tempfile.mkdtemp(prefix="figures-", dir=parent)
    it = World(folder, **options)
    try:
        yield it.start() if start else it
    finally:
        it.stop()
        shutil.rmtree(folder, ignore_errors=True)


def show(name, report):
    if report is None:
        print(f"{name}: failed")
        return
    cpu = sum(report[process]["cpu_us_per_command"] for process in ("portal", "server") if report[process])
    longest = max((h["max_us"] for h in report["handlers"].values()), default=0)
    kind = max(report["handlers"], key=lambda kind: report["handlers"][kind]["max_us"], default="")
    print(
        f"{name}: {report['commands_per_second']:,.0f}/s, p50 {report['p50_us'] / 1000:.2f} ms, "
        f"p99 {report['p99_us'] / 1000:.2f} ms, max {report['max_us'] / 1000:.1f} ms, "
        f"CPU portal+server {cpu:.1f} µs, longest handler {longest:.0f} µs ({kind})",
        end="",
    )
    if report["lines_typed"] != report["lines_run"]:
        print(f", typed {report['lines_typed']} but run {report['lines_run']}", end="")
    if report["unexpected"]:
        print(f", NOT VALID: {report['unexpected']} refusals: {report['unexpected_example']}", end="")
    if report["bystander"]:
        waited = report["bystander"]
        print(f"; bystander look p50 {waited['p50_us'] / 1000:.2f} ms, p99 {waited['p99_us'] / 1000:.2f} ms, max {waited['max_us'] / 1000:.1f} ms", end="")
    if report["flood"]:
        flood = report["flood"]
        print(f"; {flood['flood']}: {flood['count']} in {flood['took_ms']} ms{', disconnected' if flood['disconnected'] else ''}", end="")
    print(flush=True)


def median(reports):
    """The report whose rate is the middle one."""
    reports = [report for report in reports if report]
    return sorted(reports, key=lambda report: report["commands_per_second"])[len(reports) // 2] if reports else None


def repeated(it, scenario, **options):
    return median([it.bench(scenario, **options) for _ in range(ARGS.repeat)])


def scenarios(clients, names):
    def row():
        with world(accounts=max(300, clients)) as it:
            for name in names:
                show(f"{name}, {clients} clients", repeated(it, name, clients=clients, seconds=ARGS.seconds))

    return row


def one_room(name):
    def row():
        with world(rooms=1) as it:
            show(f"{name}, 50 clients in one room", repeated(it, name, clients=50, seconds=ARGS.seconds))

    return row


def alone():
    with world() as it:
        for name in ("look", "getdrop"):
            show(f"{name}, one client alone", repeated(it, name, clients=1, seconds=ARGS.seconds))


def slow_fsync():
    with tempfile.TemporaryDirectory() as folder:
        shim = pathlib.Path(folder) / "slow_fsync.so"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", shim, HERE / "slow_fsync.c", "-ldl"], check=True)
        with world(rooms=400, accounts=400, env={"LD_PRELOAD": str(shim), "SLOW_FSYNC_US": "5000"}) as it:
            # Bots 0 to 199 are in rooms 0 to 199 and walk one row of 20 north; bot 290's room is in none of them.
            show("mix, 200 clients, fsync +5 ms", repeated(it, "mix", clients=200, bystander=290, seconds=ARGS.seconds))


def postgres():
    from urllib.parse import urlsplit

    name = f"everhall_figures_{os.getpid()}"
    with contextlib.ExitStack() as stack:
        run = lambda sql: subprocess.run(["psql", "-q", POSTGRES, "-c", sql], check=True)
        run(f"CREATE DATABASE {name}")
        stack.callback(lambda: run(f"DROP DATABASE {name} WITH (FORCE)"))
        url = urlsplit(POSTGRES)._replace(path=f"/{name}").geturl()
        it = stack.enter_context(world(config=f'[storage]\ndatabase_url = "{url}"\n'))
        show("mix, 50 clients, PostgreSQL", repeated(it, "mix", clients=50, seconds=ARGS.seconds))


def first_login(it, line, shown):
    """Starts the world; returns the seconds until somebody is in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.monotonic()
    it.start(port)
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(line)
                seen = b""
                while shown not in seen:
                    more = client.recv(4096)
                    if not more:
                        break
                    seen += more
                else:
                    return time.monotonic() - began
        except OSError:
            pass
        time.sleep(0.002)


def start():
    login = (b"connect admin passw0rdX9\r\n", b"Exits")
    first, later = [], []
    for _ in range(ARGS.repeat):
        with world(start=False, prepared=False) as it:
            first.append(first_login(it, *login))
            it.stop()
            later.append(first_login(it, *login))
    print(f"start to first accepted login: first run {statistics.median(first):.2f} s, later runs {statistics.median(later):.2f} s")


def reload():
    with world() as it:
        bench = subprocess.Popen(it.bench_args("say", clients=50, seconds=6), stdout=subprocess.PIPE, text=True)
        time.sleep(4)
        said = it.call("reload").strip()
        report = json.loads(bench.communicate()[0] or "null")
        show(f"reload with 50 players typing ({said}); the longest wait is the pause", report)


def interrupted(interruption, figure):
    """What each of 200 players waited for the line that this hit, ten times in a world of 10,000 rooms."""

    def row():
        with world(rooms=10000, accounts=300) as it:
            report = it.bench("say", clients=200, seconds=44, warmup=4, think=20, interrupt=interruption)
        name = f"{interruption} with 200 players, 10,000 rooms"
        if not report:
            return print(f"{name}: failed")
        hit = report["interruptions"]
        waited, pauses = hit["waited"], hit["pauses_ms"]
        print(
            f"{name}: {hit['times']} times ({hit['failed']} failed), {waited['count']} waits, "
            f"p50 {waited['p50_us'] / 1000:.1f} ms, p99 {waited['p99_us'] / 1000:.1f} ms, max {waited['max_us'] / 1000:.1f} ms, "
            f"to reach: {figure} ms; pauses {pauses} ms, {report['unexpected']} refusals"
        )

    return row


def floods():
    with world(rooms=400, accounts=400) as it:
        quiet = dict(clients=20, seconds=ARGS.seconds, think=10, bystander=390)
        show("calm", it.bench("look", **quiet))
        for flood in ("lines", "deaf", "silent", "logins"):
            show(f"flood: {flood}", it.bench("look", flood=flood, **quiet))
            time.sleep(2)
        show("calm again", it.bench("look", **quiet))


def memory():
    sizes = {}
    for sessions in (100, 1000):
        with world(rooms=100, accounts=1000) as it:
            report = it.bench("look", clients=sessions, seconds=1, profile="idler", warmup=0)
            sizes[sessions] = {name: report[name]["memory_kib"] for name in ("portal", "server")}
    grown = {name: (sizes[1000][name] - sizes[100][name]) / 900 for name in ("portal", "server")}
    print(f"memory of one idle session, from 100 to 1,000: portal {grown['portal']:.1f} KiB, server {grown['server']:.1f} KiB, {sizes}")


ROWS = {
    "start": start,
    "alone": alone,
    "play": scenarios(50, ["look", "say", "move", "getdrop", "mix", "chat"]),
    "say-one-room": one_room("say"),
    "say-200": scenarios(200, ["say"]),
    "say-1000": scenarios(1000, ["say", "mix"]),
    "postgres": postgres,
    "slow-fsync": slow_fsync,
    "reload": reload,
    "reload-200": interrupted("reload", 300),
    "kill-200": interrupted("kill", 1000),
    "memory": memory,
    "floods": floods,
}


def main():
    global ARGS
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="+", choices=[*ROWS, "all"])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    ARGS = parser.parse_args()
    for row in ROWS if "all" in ARGS.rows else ARGS.rows:
        ROWS[row]()


if __name__ == "__main__":
    main()
