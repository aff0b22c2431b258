"""Calls as JSON lines: one call a line on standard input, its outcome on standard output."""

import json
import sys


def serve(call, refusal_of):
    """Answers every line until the input ends.

    call(endpoint, key, action, parameters) returns the answer's body as the SDK hands it over;
    key is an access key with its secret and, for a temporary one, its token;
    refusal_of(error) is what the SDK tells of an error answer. The first argument of the program
    is the endpoint, host:port.
    """
    endpoint = sys.argv[1]
    for line in sys.stdin:
        asked = json.loads(line)
        key = (asked["accessKeyId"], asked["accessKeySecret"], asked.get("securityToken"))
        try:
            outcome = {"body": call(endpoint, key, asked["action"], asked["parameters"])}
        except Exception as error:
            outcome = {"refusal": {"type": type(error).__name__, **refusal_of(error)}}
        print(json.dumps(outcome), flush=True)
