#!/usr/bin/env python3
"""Staged scans against the floor in the same run, as ratios. Three repositories, made by git:

    large   an index of 100,000 entries, four changed files            floor: git diff --cached --raw
    small   twelve files, one changed                                  floor: git --version
    many    1,000 staged files of 5 KB in a repository without a commit   no floor: milliseconds

    staged.py make DIR            build them (about a minute)
    staged.py time DIR --bin PATH [-n 30]
"""
import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Bench",
    "GIT_AUTHOR_EMAIL": "bench@example.invalid",
    "GIT_COMMITTER_NAME": "Bench",
    "GIT_COMMITTER_EMAIL": "bench@example.invalid",
    "LC_ALL": "C",
}
CONFIG = "creation_rules:\n  - path_regex: .*/secrets/.*\\.ya?ml$\n    encrypted_regex: ^(data|stringData)$\n    age: age158hsltk3ucltzkketps853nwanaty5w4dtfwp3v4uemqcd9ymepsaya25r\n"


def git(repo, *args):
    subprocess.run(["git", "-c", "gc.auto=0", *args], cwd=repo, env=ENV, check=True, stdout=subprocess.DEVNULL)


def manifest(draw, size):
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata:", f"  name: app-{draw.randrange(10**6)}", "data:"]
    while sum(map(len, lines)) < size:
        lines.append(f"  setting-{draw.randrange(10**6)}: value of {draw.randrange(10**9)} and more of it")
    return "\n".join(lines) + "\n"


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def init(repo):
    repo.mkdir(parents=True)
    git(repo, "init", "-q", "-b", "main")
    put(repo / ".sops.yaml", CONFIG)


def commit(repo):
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "base")


def make(top):
    draw = random.Random(7)
    large = top / "large"
    init(large)
    for a in range(10):
        for b in range(500):
            folder = large / f"cluster-{a}" / f"app-{b:03}"
            folder.mkdir(parents=True)
            for c in range(20):
                (folder / f"object-{c:02}.yaml").write_text(f"kind: ConfigMap\ndata:\n  a: {a * 10000 + b * 20 + c}\n")
    commit(large)
    git(large, "gc", "-q")
    for n in range(4):
        put(large / f"cluster-{n}" / "app-123" / "object-07.yaml", manifest(draw, 2000))
    git(large, "add", "-A")
    small = top / "small"
    init(small)
    for n in range(12):
        put(small / "apps" / f"app-{n}.yaml", manifest(draw, 1500))
    commit(small)
    put(small / "apps" / "app-3.yaml", manifest(draw, 1500))
    git(small, "add", "-A")
    many = top / "many"
    init(many)
    for n in range(1000):
        put(many / f"apps-{n % 20}" / f"app-{n}.yaml", manifest(draw, 5000))
    git(many, "add", "-A")


def once(command, repo):
    start = time.perf_counter()
    done = subprocess.run(command, cwd=repo, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    spent = (time.perf_counter() - start) * 1000
    if done.returncode != 0:
        sys.exit(f"{command}: exit {done.returncode}: {done.stderr.decode()}")
    return spent


def measure(name, repo, command, floor, runs):
    """Runs both in turn, so that whatever else the machine does falls on both."""
    ours, theirs = [], []
    for n in range(runs + 3):
        a, b = once(command, repo), once(floor, repo) if floor else 0.0
        if n >= 3:
            ours.append(a)
            theirs.append(b)
    mine, base = statistics.median(ours), statistics.median(theirs)
    line = f"{name:6} sopsguard {mine:7.2f} ms (min {min(ours):.2f})"
    if floor:
        line += f"   {' '.join(floor[:3])} {base:7.2f} ms   ratio {mine / base:.2f}   difference {mine - base:+.2f} ms"
    print(line)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["make", "time"])
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--bin", type=pathlib.Path)
    parser.add_argument("-n", type=int, default=30)
    args = parser.parse_args()
    if args.what == "make":
        return make(args.dir)
    scan = [str(args.bin.resolve()), "scan", "--staged"]
    measure("large", args.dir / "large", scan, ["git", "diff", "--cached", "--raw"], args.n)
    measure("small", args.dir / "small", scan, ["git", "--version"], args.n)
    measure("many", args.dir / "many", scan, None, args.n)


if __name__ == "__main__":
    main()
