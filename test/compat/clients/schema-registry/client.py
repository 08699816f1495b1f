"""confluent-kafka's registry client and JSON serializers against our registry: `client.py <url> <user:password> <scenario>`
ends with 0, or with a traceback. What each scenario means stands in schema-registry.test.ts."""
import json
import sys

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

TRUCK = {
    "title": "Truck",
    "type": "object",
    "properties": {"id": {"type": "string"}, "lat": {"type": "number"}},
    "required": ["id"],
    "additionalProperties": False,
}
WIDER = {**TRUCK, "properties": {**TRUCK["properties"], "lon": {"type": "number"}}}
BROKEN = {**TRUCK, "properties": {"id": {"type": "integer"}}}
REPORT = {"id": "a", "lat": 1.5}

url, user_info, scenario = sys.argv[1:4]
client = SchemaRegistryClient({"url": url, "basic.auth.user.info": user_info})
value = SerializationContext("py", MessageField.VALUE)


def schema(definition, **more):
    return Schema(json.dumps(definition), "JSON", **more)


def refused(code, action):
    try:
        action()
    except SchemaRegistryError as error:
        assert error.error_code == code, f"wanted {code}, got {error}"
        return
    raise AssertionError(f"wanted {code}, but it was taken")


def records():
    serializer = JSONSerializer(json.dumps(TRUCK), client)
    data = serializer(REPORT, value)
    assert data[0] == 0 and JSONDeserializer(None, schema_registry_client=client)(data, value) == REPORT
    latest = client.get_latest_version("py-value")
    assert latest.schema_id == int.from_bytes(data[1:5], "big")
    assert client.lookup_schema("py-value", schema(TRUCK)).version == 1
    assert client.get_subjects() == ["py-value"]
    try:
        serializer({"lat": "north"}, value)
    except SerializationError:
        pass
    else:
        raise AssertionError("a report without id was taken")
    strict = JSONSerializer(
        json.dumps(TRUCK), client, conf={"auto.register.schemas": False, "use.latest.version": True}
    )
    assert strict(REPORT, value) == data


def compatibility():
    client.register_schema("py-value", schema(TRUCK))
    client.set_compatibility("py-value", "FULL")
    assert client.get_compatibility("py-value") == "FULL"
    client.set_compatibility("py-value", "BACKWARD")
    assert client.test_compatibility("py-value", schema(WIDER))
    assert not client.test_compatibility("py-value", schema(BROKEN))
    refused(409, lambda: client.register_schema("py-value", schema(BROKEN)))


def references():
    client.register_schema("id", schema({"type": "string"}))
    reference = SchemaReference("id.json", "id", 1)
    definition = {"title": "T", "type": "object", "properties": {"id": {"$ref": "id.json"}}}
    with_reference = schema(definition, references=[reference])
    data = JSONSerializer(with_reference, client)({"id": "a"}, value)
    found = client.get_schema(int.from_bytes(data[1:5], "big"))
    assert [(r.name, r.subject, r.version) for r in found.references] == [("id.json", "id", 1)]
    assert JSONDeserializer(with_reference, schema_registry_client=client)(data, value) == {"id": "a"}
    refused(42206, lambda: client.delete_subject("id"))


def deletes():
    client.register_schema("py-value", schema(TRUCK))
    assert client.delete_version("py-value", 1) == 1
    client.register_schema("py-value", schema(WIDER))
    assert client.get_versions("py-value") == [2]
    assert client.delete_subject("py-value") == [2]
    refused(40401, lambda: client.get_latest_version("py-value"))
    client.delete_subject("py-value", permanent=True)
    assert client.get_subjects() == []


{"records": records, "compatibility": compatibility, "references": references, "deletes": deletes}[scenario]()
