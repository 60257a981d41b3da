"""msgspec: a struct of the two fields, whole blocks of lines decoded at once. Adds up floats, except for integers."""

import msgspec  # type: ignore[import-not-found, unused-ignore]  # a peer: not installed for development
from task import print_rows, read_task

task = read_task()
Event = msgspec.defstruct(
    "Event",
    [("name", str), ("value", int if task.number == "integer" else float)],
    rename={"name": task.type_field, "value": task.value_field},
    gc=False,
)
decoder = msgspec.json.Decoder(Event)
counts: dict[str, int] = {}
sums: dict[str, float] = {}
with open(task.path, "rb") as file:
    while block := file.read(1 << 20):
        block += file.readline()
        try:
            events = decoder.decode_lines(block)
        except msgspec.MsgspecError:
            if not task.tolerant:
                raise
            events = []
            for line in block.splitlines():
                try:
                    events.append(decoder.decode(line))
                except msgspec.MsgspecError:
                    continue
        for event in events:
            name = event.name
            counts[name] = counts.get(name, 0) + 1
            sums[name] = sums.get(name, 0) + event.value
print_rows((name, count, sums[name]) for name, count in counts.items())
