#!/usr/bin/env python3
"""Make the tree that the scan is timed on, and time it against `git grep` in the same run.

    python3 benches/tree.py make DIR [--sops PATH]      5,000 YAML files, 28 MB, a Git repository with one commit
    python3 benches/tree.py time DIR --bin PATH [-n 10] sopsguard and the floor by turns; medians, ratio, peak memory

The mix: 10 % real envelopes (encrypted by the real sops, then repeated under other names), 5 % Secrets that are filled in
by substitution, 30 % governed by a rule with values in its scope, the rest ordinary manifests; every twentieth file has
several documents, six files have a megabyte. Ten leaks are planted; `time` fails if a run does not find exactly those.
"""
import argparse, json, os, random, resource, shutil, statistics, subprocess, sys, tempfile, time

FILES = 5000
TOTAL = 28 * 1000 * 1000
RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
LEAKS = 10
CONFIG = f"""creation_rules:
  - path_regex: .*\\.sops\\.ya?ml$
    encrypted_regex: ^(data|stringData)$
    age: {RECIPIENT}
  - path_regex: ^(apps|infra)/
    encrypted_regex: ^(data|stringData|values|config)$
    age: {RECIPIENT}
"""
WORDS = "api auth backend cache cluster config data default deploy endpoint fleet gateway image ingress latency leader memory metrics namespace node pod policy probe queue region replica route scale schedule secretRef service shard spec status storage tenant timeout volume watch worker".split()


def words(rng, n):
    return " ".join(rng.choice(WORDS) for _ in range(n))


def manifest(rng, name, size):
    kind = rng.choice(["Deployment", "ConfigMap", "Service", "HelmRelease", "ExternalSecret", "StatefulSet"])
    group = {"ConfigMap": "v1", "Service": "v1", "HelmRelease": "helm.toolkit.fluxcd.io/v2", "ExternalSecret": "external-secrets.io/v1"}.get(kind, "apps/v1")
    out = [f"---\napiVersion: {group}\nkind: {kind}\nmetadata:\n  name: {name}\n  labels:\n    app.kubernetes.io/name: {name}\n"]
    out.append("data:\n" if kind == "ConfigMap" else "spec:\n")
    length = sum(map(len, out))
    i = 0
    while length < size:
        i += 1
        block = f"  {rng.choice(WORDS)}{i}: {words(rng, 6)}\n"
        if i % 7 == 0 and kind != "ConfigMap":
            block = f"  env{i}:\n    - name: {rng.choice(WORDS).upper()}\n      valueFrom:\n        secretKeyRef:\n          name: {name}\n          key: {rng.choice(WORDS)}\n"
        if i % 11 == 0:
            block += f"  # {words(rng, 8)}\n"
        out.append(block)
        length += len(block)
    return "".join(out)


def secret(rng, name, value):
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  username: {name}\n  password: {value}\n  url: https://{name}.example.com\n"


def envelopes(sops, rng):
    """Thirty documents encrypted by the real sops."""
    top = tempfile.mkdtemp(prefix="tree-")
    env = {k: v for k, v in os.environ.items() if not k.startswith("SOPS_")}
    out = []
    try:
        with open(os.path.join(top, ".sops.yaml"), "w") as h:
            h.write(CONFIG)
        for i in range(30):
            path = os.path.join(top, f"e{i}.sops.yaml")
            text = secret(rng, f"app{i}", "kumquat-" + "".join(rng.choice("abcdefghij0123456789") for _ in range(24)))
            text += "".join(f"  key{n}: {words(rng, 4)}\n" for n in range(rng.randint(2, 30)))
            if i % 5 == 0:
                text += "---\n" + secret(rng, f"more{i}", "kumquat" + str(rng.random()))
            with open(path, "w") as h:
                h.write(text)
            subprocess.run([sops, "encrypt", "-i", path], cwd=top, env=env, check=True, stdout=subprocess.DEVNULL)
            with open(path) as h:
                out.append(h.read())
    finally:
        shutil.rmtree(top)
    return out


def make(a):
    rng = random.Random(20261122)
    sops = a.sops or shutil.which("sops") or os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), ".tools", "bin", "sops")
    pool = envelopes(sops, rng)
    leaks = set(rng.sample(range(FILES), LEAKS))
    big = set(rng.sample(sorted(set(range(FILES)) - leaks), 6))
    usual = (TOTAL - 6 * 1_000_000) // FILES
    written = 0
    for i in range(FILES):
        part = i % 100
        name = f"svc-{i}"
        top = "apps" if part < 20 else "infra" if part < 30 else "base" if part < 70 else "vendor"
        path = os.path.join(top, f"team{i % 40}", name + ".yaml")
        if i in leaks:
            text = manifest(rng, name, usual // 2) + "---\n" + secret(rng, name, "kumquat-Live8f3kQ2")
        elif i in big:
            text = "".join(manifest(rng, f"{name}-{n}", 20_000) for n in range(50))
        elif part % 10 == 5:
            path, text = path.replace(".yaml", ".sops.yaml"), rng.choice(pool)
        elif part % 20 == 3:
            text = secret(rng, name, "${" + rng.choice(WORDS).upper() + "_PASSWORD}") + "---\n" + manifest(rng, name, usual)
        else:
            # The envelopes are small; the others make up for it.
            size = int(usual * rng.uniform(0.5, 1.75))
            text = "".join(manifest(rng, f"{name}-{n}", size // 4) for n in range(4)) if i % 20 == 0 else manifest(rng, name, size)
        full = os.path.join(a.dir, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as h:
            h.write(text)
        written += len(text)
    with open(os.path.join(a.dir, ".sops.yaml"), "w") as h:
        h.write(CONFIG)
    env = dict(os.environ, GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="Bench", GIT_AUTHOR_EMAIL="bench@example.invalid", GIT_COMMITTER_NAME="Bench", GIT_COMMITTER_EMAIL="bench@example.invalid")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "tree"], ["status", "--short"]):
        subprocess.run(["git", *command], cwd=a.dir, env=env, check=True, stdout=subprocess.DEVNULL)
    print(f"{FILES} files, {written / 1e6:.1f} MB, {LEAKS} leaks")


def run(command, cwd):
    """-> (seconds, stdout, peak memory in MB of this child)"""
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = child.stdout.read()
    _, _, usage = os.wait4(child.pid, 0)
    return time.perf_counter() - start, out, usage.ru_maxrss / 1024


def timed(a):
    ours = [os.path.abspath(a.bin), "scan", "--format", "json"]
    floor = ["git", "grep", "-c", "kind: Secret"]
    rows = {"sopsguard": [], "git grep": []}
    peak = 0
    for i in range(a.n + 1):
        seconds, out, memory = run(ours, a.dir)
        found = sum(f["severity"] == "error" for f in json.loads(out)["findings"])
        if found != LEAKS:
            sys.exit(f"the timed run found {found} of {LEAKS} leaks")
        floor_seconds, _, _ = run(floor, a.dir)
        if i:                                # the first round warms up
            rows["sopsguard"].append(seconds)
            rows["git grep"].append(floor_seconds)
            peak = max(peak, memory)
    for name, seconds in rows.items():
        print(f"{name:10} median {statistics.median(seconds) * 1000:7.1f} ms   min {min(seconds) * 1000:7.1f}   max {max(seconds) * 1000:7.1f}")
    ratio = statistics.median(s / f for s, f in zip(rows["sopsguard"], rows["git grep"]))
    print(f"ratio      median {ratio:.2f}   peak memory {peak:.0f} MB   leaks found {LEAKS} of {LEAKS}")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    sub = p.add_subparsers(dest="what", required=True)
    m = sub.add_parser("make")
    m.add_argument("dir")
    m.add_argument("--sops")
    t = sub.add_parser("time")
    t.add_argument("dir")
    t.add_argument("--bin", required=True)
    t.add_argument("-n", type=int, default=10)
    a = p.parse_args()
    make(a) if a.what == "make" else timed(a)


if __name__ == "__main__":
    main()
