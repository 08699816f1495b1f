"""Validates one record again and again with fastjsonschema: validate.py schema.json record.json count. Prints records
per second of CPU time, parsed from bytes each time and parsed once: the best of five rounds after one to warm up."""
import json
import sys
import time

import fastjsonschema

with open(sys.argv[1]) as file:
    validate = fastjsonschema.compile(json.load(file))
with open(sys.argv[2], 'rb') as file:
    record = file.read()
count = int(sys.argv[3])
parsed = json.loads(record)


def report(what, work):
    best = 0.0
    for turn in range(6):
        began = time.thread_time()
        for _ in range(count):
            work()
        rate = count / (time.thread_time() - began)
        if turn > 0:
            best = max(best, rate)
    print(what, round(best))


report('parsed', lambda: validate(parsed))
report('bytes', lambda: validate(json.loads(record)))
