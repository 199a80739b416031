#!/usr/bin/env python3
"""Audits of history against the floor in the same run, as ratios.

    history.py --bin PATH [-n 5] REPOSITORY...

For each repository (any Git directory) `scan --history` and `git rev-list --objects --all` take turns, after one run each
that does not count; medians, and their ratio. With --log also `git log -p --all -U0`, once.
"""
import argparse
import os
import statistics
import subprocess
import time

ENV = dict(os.environ, GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull, LC_ALL="C")


def seconds(command, fine):
    start = time.perf_counter()
    code = subprocess.run(command, env=ENV, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    if code not in fine:
        raise SystemExit(f"{command} ended with {code}")
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+")
    parser.add_argument("--bin", required=True)
    parser.add_argument("-n", type=int, default=5)
    parser.add_argument("--log", action="store_true")
    options = parser.parse_args()
    for repository in options.repositories:
        git = ["git", "-C", repository]
        floor = [*git, "rev-list", "--objects", "--all", "--missing=allow-any"]
        ours = [options.bin, "-C", repository, "scan", "--history", "--format", "json"]
        seconds(floor, {0}), seconds(ours, {0, 1, 3})
        times = [(seconds(floor, {0}), seconds(ours, {0, 1, 3})) for _ in range(options.n)]
        floor, own = (statistics.median(column) * 1000 for column in zip(*times))
        line = f"{repository}: rev-list {floor:.0f} ms, sopsguard {own:.0f} ms, ratio {own / floor:.2f}"
        if options.log:
            log = seconds([*git, "log", "-p", "--all", "-U0"], {0, 128}) * 1000
            line += f"; git log -p {log:.0f} ms, {log / own:.1f} times as long"
        print(line)


if __name__ == "__main__":
    main()
