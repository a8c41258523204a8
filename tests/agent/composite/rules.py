"""Any rules, as trees for a naive reading and as text for ours."""

from dataclasses import dataclass

from hypothesis import strategies as st

from vedette.agent.alarms.alarm import State

names = st.sampled_from(["a", "b", "c", "d", "e f", 'g"h\\', "OR", "i, (j)"])


@dataclass(frozen=True)
class Tree:
    """A rule as its grammar nests it: an operator or a leaf, its parts, and AT_LEAST's number."""

    word: str
    parts: tuple["Tree", ...] = ()
    name: str = ""
    need: int = 0

    def __str__(self) -> str:
        if self.word in {"AND", "OR"}:
            return f" {self.word} ".join(f"({part})" for part in self.parts)
        if self.word == "NOT":
            return f"NOT ({self.parts[0]})"
        if self.word.startswith("AT_LEAST"):
            state = self.word.removeprefix("AT_LEAST ")
            listed = ", ".join(quoted(part.name) for part in self.parts)
            return f"AT_LEAST({self.need}, {state}, ({listed}))"
        return self.word + (f"({quoted(self.name)})" if self.name else "")


def quoted(name: str) -> str:
    """Return *name* as a rule can always write it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def counted(draw: st.DrawFn, states: tuple[str, ...], some: st.SearchStrategy[str] = names) -> Tree:
    listed = draw(st.lists(some, min_size=1, max_size=5, unique=True))
    state = draw(st.sampled_from(["", "NOT "])) + draw(st.sampled_from(states))
    leaves = tuple(Tree(state.removeprefix("NOT "), name=name) for name in listed)
    parts = tuple(Tree("NOT", (leaf,), leaf.name) for leaf in leaves) if " " in state else leaves
    return Tree(f"AT_LEAST {state}", parts, need=draw(st.integers(1, len(parts))))


def rules(
    *states: str, constants: bool = True, some: st.SearchStrategy[str] = names
) -> st.SearchStrategy[Tree]:
    """Return any rules that ask about *states* of *some*, CloudWatch's three without any."""
    asked = states or tuple(State)
    leaves = st.builds(Tree, st.sampled_from(asked), name=some) | counted(asked, some)
    if constants:
        leaves |= st.sampled_from([Tree("TRUE"), Tree("FALSE")])
    return st.recursive(
        leaves,
        lambda part: (
            st.builds(
                Tree,
                st.sampled_from(["AND", "OR"]),
                st.lists(part, min_size=2, max_size=4).map(tuple),
            )
            | st.builds(Tree, st.just("NOT"), st.tuples(part))
        ),
        max_leaves=12,
    )
