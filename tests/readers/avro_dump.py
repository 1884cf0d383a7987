#!/usr/bin/python3
"""avro_dump.py FILE: an Avro container file, such as an Iceberg manifest, as one JSON object.

  header     the file's metadata: key -> text, without avro.schema
  schema     the writer's schema as it stands in the file
  field_ids  path of each field -> its "field-id" or null; of a list also "path.element", and of a
             map "path.key" and "path.value", with element-id, key-id and value-id
  records    the records as python3-avro reads them; bytes as lower-case hex

Runs under the Python that Debian's python3-avro is installed for.
"""

import json
import sys

from avro.datafile import DataFileReader
from avro.io import DatumReader


def spell(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: spell(each) for key, each in value.items()}
    if isinstance(value, list):
        return [spell(each) for each in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def field_ids(schema, path=""):
    if isinstance(schema, list):
        return {name: id for branch in schema for name, id in field_ids(branch, path).items()}
    if not isinstance(schema, dict):
        return {}
    found = {}
    prefix = path + "." if path else ""
    if schema["type"] == "record":
        for field in schema["fields"]:
            found[prefix + field["name"]] = field.get("field-id")
            found.update(field_ids(field["type"], prefix + field["name"]))
    elif schema["type"] == "array":
        found[prefix + "element"] = schema.get("element-id")
        found.update(field_ids(schema["items"], prefix + "element"))
    elif schema["type"] == "map":
        found[prefix + "key"] = schema.get("key-id")
        found[prefix + "value"] = schema.get("value-id")
        found.update(field_ids(schema["values"], prefix + "value"))
    elif isinstance(schema["type"], (dict, list)):
        found.update(field_ids(schema["type"], path))
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: avro_dump.py FILE")
    with open(sys.argv[1], "rb") as file:
        reader = DataFileReader(file, DatumReader())
        header = {key: value.decode() if isinstance(value, bytes) else value
                  for key, value in reader.meta.items()}
        schema = json.loads(header.pop("avro.schema"))
        records = [spell(record) for record in reader]
    json.dump({"header": header, "schema": schema, "field_ids": field_ids(schema),
               "records": records}, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
