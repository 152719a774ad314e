"""What Python's configparser makes of a text: a JSON string a line in, sections or the error as JSON a line out."""

import configparser
import json
import sys


def read(text):
    parser = configparser.RawConfigParser()
    try:
        # As Keylime's read() of a file does, whose lines text mode has unified.
        parser.read_string(text.replace("\r\n", "\n").replace("\r", "\n"))
    except configparser.ParsingError as error:
        if isinstance(error, configparser.MissingSectionHeaderError):
            return {"error": "no section", "lines": [error.lineno]}
        return {"error": "no option", "lines": [line for line, _ in error.errors]}
    except configparser.DuplicateSectionError as error:
        return {"error": "twice", "lines": [error.lineno]}
    except configparser.DuplicateOptionError as error:
        return {"error": "twice", "lines": [error.lineno]}
    own = {name: dict(parser._sections[name]) for name in parser.sections()}
    return {"sections": own, "defaults": dict(parser.defaults())}


for line in sys.stdin:
    print(json.dumps(read(json.loads(line))), flush=True)
