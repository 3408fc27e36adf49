# SPDX-License-Identifier: Apache-2.0
"""Rulesets of others: a parent chain, a chain for each service and a rule that leads there, as service proxies do."""

CHAINS = 2000
SERVICES = [f"172.20.{number // 250}.{number % 250 + 1}" for number in range(CHAINS)]


def iptables_table(name, entrance):
    lines = [f"*{name}", ":FOREIGN - [0:0]", f"-A {entrance} -j FOREIGN"]
    for number, address in enumerate(SERVICES):
        lines += [
            f":FOREIGN-{number} - [0:0]",
            f"-A FOREIGN-{number} -s {address} -j RETURN",
            f"-A FOREIGN -d {address} -p tcp -j FOREIGN-{number}",
        ]
    return "\n".join([*lines, "COMMIT", ""])


def nft_table():
    chains, jumps = [], []
    for number, address in enumerate(SERVICES):
        chains.append(f"chain foreign-{number} {{ ip saddr {address} return; }}")
        jumps.append(f"ip daddr {address} meta l4proto tcp jump foreign-{number};")
    hook = "chain forward { type filter hook forward priority 0; jump foreign; }"
    return "\n".join(["table inet foreign {", *chains, "chain foreign {", *jumps, "}", hook, "}", ""])


# The words of a tool, and what it is to read.
FOR_IPTABLES = (
    ["iptables-restore", "--noflush"],
    iptables_table("nat", "PREROUTING"),
)
FOR_NFT = (["nft", "-f", "-"], nft_table())
