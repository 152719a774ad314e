"""What Python's tomllib makes of a text: a JSON string a line in, its values with their types or null a line out."""

import datetime
import json
import math
import sys
import tomllib


def typed(value):
    if isinstance(value, dict):
        return {"table": {key: typed(one) for key, one in value.items()}}
    if isinstance(value, list):
        return [typed(one) for one in value]
    if isinstance(value, bool) or isinstance(value, str):
        return value
    if isinstance(value, int):
        return {"integer": str(value)}
    if isinstance(value, float):
        return {"float": value if math.isfinite(value) else str(value)}
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return {"date": type(value).__name__}
    raise TypeError(type(value))


def read(text):
    try:
        return typed(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return None


for line in sys.stdin:
    print(json.dumps(read(json.loads(line))), flush=True)
