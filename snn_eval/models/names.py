"""Names of tensors: a file made elsewhere and the network may put different words before all of theirs."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["matched_names", "matching_note"]


def matched_names(given: Collection[str], expected: Collection[str]) -> tuple[str, str] | None:
    """What stands before every name in the file and before every name in the network, and nowhere else differs.

    Whole parts of the dotted names are left out, as few as will do: ``net.1.weight`` against ``1.weight`` is
    ``("net.", "")``, against ``layer.1.weight`` it is ``("net.", "layer.")``.

    Args:
        given: names in the file.
        expected: names in the network.

    Returns:
        Both prefixes, or None where the names differ in more than that.

    Example:
        >>> matched_names(["module.a.weight", "module.b.weight"], ["a.weight", "b.weight"])
        ('module.', '')
    """
    if len(given) != len(expected):
        return None
    pairs = [(p, q) for p in _common_prefixes(given) for q in _common_prefixes(expected)]
    for p, q in sorted(pairs, key=lambda pair: pair[0].count(".") + pair[1].count(".")):
        if {name.removeprefix(p) for name in given} == {name.removeprefix(q) for name in expected}:
            return p, q
    return None


def matching_note(prefixes: tuple[str, str], name: str) -> str:
    """What the user should know of it in one line; nothing where all names are equal."""
    told = {"those of the file begin with": prefixes[0], "the network's with": prefixes[1]}
    words = ", ".join(f"{words} {prefix!r}" for words, prefix in told.items() if prefix)
    return f"{name}: names of tensors agree but for their beginning: {words}" if words else ""


def _common_prefixes(names: Collection[str]) -> list[str]:
    """Every run of leading parts that all names share, the empty one first; a name's last part never belongs to it."""
    split = [name.split(".") for name in names]
    found = [""]
    for length in range(1, min((len(parts) for parts in split), default=0)):
        heads = {tuple(parts[:length]) for parts in split}
        if len(heads) > 1:
            break
        found.append(".".join(heads.pop()) + ".")
    return found
