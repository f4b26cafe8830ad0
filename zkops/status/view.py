"""The ensemble's vital signs → what a terminal shows of them, as wide and as high as it is; pure.

What does not fit beside the members' names is folded below: the columns go on in further tables, in their order. What
does not fit below either is left out from the end, and said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from zkops.core import units as amounts
from zkops.status.columns import COLUMNS, STATES, Cell, Column, Scale
from zkops.status.ensemble import Ensemble
from zkops.status.vitals import Vitals

GAP = "  "
WIDE = 80
SPARK = 15
ASCII = str.maketrans("▁▂▃▄▅▆▇█…·", "_.,:-=+#..")
"""How blocks and signs are written where the encoding has none."""

Line = list[Cell]


@dataclass(frozen=True, kw_only=True)
class View:
    """What is shown; rich prints it."""

    ensemble: Ensemble
    clock: str
    """The time of day."""
    hint: str = ""
    """What the user can do."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give lines, none of them wider than the terminal."""
        # rich gives a height only where the whole screen is ours.
        for text in self.lines(console, options.max_width, options.height):
            yield plain(text) if options.ascii_only else text

    def lines(self, console: Console, width: int, height: int | None = None) -> list[Text]:
        """Give the lines for a terminal of *width* columns and *height* rows, or of any height."""
        head = _wrapped(console, [*self._head(), *_notices(self.ensemble)], width)
        tables = _tables(self.ensemble.members, width)
        room = None if height is None else height - len(head)
        shown = _fitting(tables, room)
        left = sum(len(table.columns) for table in tables[len(shown) :])
        body = [line for table in shown for line in (Text(), *table.lines)]
        more = f"{left} columns more: make the terminal larger" if left else ""
        foot = _wrapped(console, [Text(more, "dim")], width)[:1] if more else []
        return [*head, *body, *foot]

    def _head(self) -> Iterator[Text]:
        now = self.ensemble
        colour = "green" if now.margin > 0 else "yellow" if now.margin == 0 else "bold red"
        margin = Text(now.margin_words(), colour)
        yield _joined(Text(clean(now.name), "bold"), margin, Text(self.clock, "dim"), Text(self.hint, "dim"))
        if now.leader:
            yield _joined(Text(clean(_election(now))), Text(_writes(now)))


def _joined(*parts: Text) -> Text:
    joined = Text()
    for part in filter(None, parts):
        joined.append(" · " if joined else "", "dim").append_text(part)
    return joined


def _election(now: Ensemble) -> str:
    since = f" since {amounts.span(now.leading_ms / 1000)}" if now.leading_ms is not None else ""
    former = f", before it {now.former}" if now.former and now.former != now.leader else ""
    return f"last election: {now.leader} leads{since}, epoch {now.epoch}{former}"


def _writes(now: Ensemble) -> str:
    drawn = amounts.spark(now.writes_history, SPARK, amounts.highest([now.writes_history])).strip()
    return f"{amounts.count(now.writes)} writes/s {drawn}".rstrip()


def _notices(now: Ensemble) -> Iterator[Text]:
    if now.split_words():
        yield Text(clean(now.split_words()), "bold red")
    if now.trouble:
        yield Text(clean(now.trouble), "yellow")
    for found in now.members:
        if found.words:
            label = Text(clean(f"{found.node}: {found.state}:") + " ", STATES.get(found.state, "yellow"))
            yield label.append(clean(found.words), "not bold default")


def clean(said: str) -> str:
    """Make one line of what others say: no control characters, no line ends."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())


def _wrapped(console: Console, texts: Sequence[Text], width: int) -> list[Text]:
    return [line for text in texts for line in text.wrap(console, width, overflow="fold")]


@dataclass(frozen=True)
class _Table:
    """The members' names and some columns, with the width of each."""

    columns: tuple[Column, ...]
    lines: tuple[Text, ...]


def _tables(members: Sequence[Vitals], width: int) -> list[_Table]:
    """Fold the columns into tables, each as full as *width* allows."""
    scale = Scale.of(members)
    names = _names(members, 20 if width >= WIDE else 12)
    most = max(1, width - cell_len(names[0]) - len(GAP))
    rooms = [min(most, _width(column, members, scale)) for column in COLUMNS]
    groups: list[list[int]] = [[]]
    left = width - cell_len(names[0])
    for place, room in enumerate(rooms):
        if groups[-1] and left < room + len(GAP):
            groups.append([])
            left = width - cell_len(names[0])
        groups[-1].append(place)
        left -= room + len(GAP)
    return [_table(members, names, [(COLUMNS[place], rooms[place]) for place in group], scale) for group in groups]


def _width(column: Column, members: Sequence[Vitals], scale: Scale) -> int:
    """Give a column's width: its own, or for one that adapts as wide as its content, up to its own."""
    if not column.adapts:
        return column.width
    content = (cell_len(column.show(found, scale)[0]) for found in members)
    return min(column.width, max(cell_len(column.header), *content, 1))


def _table(
    members: Sequence[Vitals], names: Sequence[str], columns: Sequence[tuple[Column, int]], scale: Scale
) -> _Table:
    head = [(names[0], "bold"), *((_fit(c.header, room, left=c.left), "bold") for c, room in columns)]
    lines = [_line(head)]
    for found, name in zip(members, names[1:], strict=True):
        cells = ((column.show(found, scale), column, room) for column, room in columns)
        row = [(name, STATES.get(found.state, "yellow")), *((_fit(t, r, left=c.left), s) for (t, s), c, r in cells)]
        lines.append(_line(row))
    return _Table(tuple(column for column, _room in columns), tuple(lines))


def _line(cells: Line) -> Text:
    line = Text(no_wrap=True, overflow="crop", end="\n")
    for place, (text, style) in enumerate(cells):
        line.append(GAP if place else "").append(text, style)
    line.rstrip()
    return line


def _fit(text: str, width: int, *, left: bool) -> str:
    """Bring a cell to its width: cut with a sign that it was, or filled up."""
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    blank = " " * (width - cell_len(text))
    return text + blank if left else blank + text


def _names(members: Sequence[Vitals], most: int) -> list[str]:
    """Give the header and each member's id and name, all equally wide; without the domain where that is enough."""
    hosts = [found.node.partition(".")[0] for found in members]
    if len(set(hosts)) < len(hosts):
        hosts = [found.node for found in members]
    digits = max((len(str(found.id)) for found in members), default=1)
    labels = [f"{found.id:>{digits}} {host}" for found, host in zip(members, hosts, strict=True)]
    width = min(most, max(map(cell_len, ["Member", *labels])))
    return [_fit("Member", width, left=True), *(_cut(label, digits + 1, width) for label in labels)]


def _cut(label: str, keep: int, width: int) -> str:
    """Cut a name in front: machines of a row differ at the end."""
    over = cell_len(label) - width
    return _fit(label if over <= 0 else f"{label[:keep]}…{label[keep + over + 1 :]}", width, left=True)


def _fitting(tables: Sequence[_Table], room: int | None) -> list[_Table]:
    """Give the tables, in their order, that fit into so many rows, the first one always; a row is kept to say so."""
    if room is None or sum(len(table.lines) + 1 for table in tables) <= room:
        return list(tables)
    shown, left = list(tables[:1]), room - 1 - (len(tables[0].lines) + 1 if tables else 0)
    for table in tables[1:]:
        left -= len(table.lines) + 1
        if left < 0:
            break
        shown.append(table)
    return shown


def plain(text: Text) -> Text:
    """Give the same text in ASCII, sign for sign."""
    written = text.plain.translate(ASCII).encode("ascii", "replace").decode()
    return Text(written, spans=text.spans, style=text.style, no_wrap=text.no_wrap, overflow=text.overflow, end=text.end)
