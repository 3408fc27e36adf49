# SPDX-License-Identifier: Apache-2.0
"""Whole chains as podman, nerdctl and containerd write and call them: ours in place of the reference's, unnoticed."""
from __future__ import annotations

import pytest

import implementations
from chains import CHAINS, GUARDED, VARIANTS, Chain, told
from implementations import Implementation
from normalise import differing
from reachability import NOBODY
from world import forgiven, stories

each_chain = pytest.mark.parametrize("chain", [told(chain) for chain in (*CHAINS, *VARIANTS, *GUARDED)])
each_unguarded_chain = pytest.mark.parametrize("chain", [told(chain) for chain in CHAINS])


def test_every_plugin_is_ours(ours: Implementation) -> None:
    """A plugin that we lack would be the reference's, and nothing proved."""
    types = {entry["type"] for chain in CHAINS for entry in chain.make(1)["plugins"]}
    lacking = [each for each in types | {"host-local", "loopback", "sbr"} if not (ours.directory / each).is_file()]
    assert lacking == []


@each_chain
def test_results_are_the_references(chain: Chain, ours: Implementation) -> None:
    """What a runtime gets to read is the same, but for names and MAC addresses that chance decides."""
    mine, theirs = stories(chain, ours)
    for result in theirs.results:
        if result["cniVersion"] == "1.0.0" and not implementations.testing_the_reference():
            assert result.pop("dns") == {}, "D02"
    assert (left := differing(mine.results, theirs.results)) == [], "\n".join(left)


@each_chain
def test_the_same_reach_each_other(chain: Chain, ours: Implementation) -> None:
    """Each client gets the same answer as with the reference, from the same server, which sees the same address."""
    mine, theirs = stories(chain, ours)
    assert (left := differing(mine.reached, forgiven(chain, theirs.reached))) == [], "\n".join(left)


@each_unguarded_chain
def test_a_chain_does_what_it_is_for(chain: Chain, ours: Implementation) -> None:
    """Published ports are public, strangers are where the network's kind wants them."""
    for reached in stories(chain, ours)[0].reached.values():
        internal = chain.name == "podman internal"
        separate = internal or chain.name in ("podman isolated", "nerdctl", "nerdctl icc=false")
        assert (reached["outside to the public port, IPv4"] == NOBODY) is internal
        assert (reached["container to outside, IPv4"] == NOBODY) is internal
        assert (reached["c3 to the container, IPv4"] == NOBODY) is separate
        assert reached["outside to the local port, IPv4"] == NOBODY


@pytest.mark.beats_reference
@pytest.mark.parametrize("chain", [
    told(chain) for chain in (*CHAINS, *VARIANTS, *GUARDED) if "flannel" not in chain.name
])
def test_check_passes(chain: Chain, ours: Implementation) -> None:
    """CHECK of the whole chain finds what the chain made; the reference misses rules of IPv6 that it never makes."""
    assert stories(chain, ours)[0].complaints == []


@pytest.mark.parametrize("chain", [
    told(chain, marks=[pytest.mark.beats_reference] if "nerdctl" in chain.name else [])
    for chain in (*CHAINS, *VARIANTS, *GUARDED)
])
def test_nothing_is_left(chain: Chain, ours: Implementation) -> None:
    """After the DEL that the runtime sends, with a namespace or without."""
    assert stories(chain, ours)[0].remains == {}


@pytest.mark.needs_culvert
@each_unguarded_chain
def test_the_ruleset_is_empty_again(chain: Chain, ours: Implementation) -> None:
    """Not a table stays of networks without containers."""
    assert stories(chain, ours)[0].rules == ""
