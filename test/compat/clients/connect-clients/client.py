"""Two clients of Kafka Connect's REST API, as people drive a worker with them. Arguments: the worker's URL, a file to read."""

import sys
import time

from kafka_connect import KafkaConnect
from kafka_connect_api.kafka_connect_api import Api, Cluster
from requests.exceptions import HTTPError

DEADLINE_S = 90
url, path = sys.argv[1:]
client = KafkaConnect(url)
config = {"connector.class": "FileStreamSource", "file": path, "topic": "lines", "tasks.max": "1"}


def until(look, wanted):
    deadline = time.time() + DEADLINE_S
    while True:
        found = look()
        if found == wanted:
            return
        assert time.time() < deadline, f"{found} never became {wanted}"
        time.sleep(0.1)


def states():
    status = client.get_connector_status("lines")
    return [status["connector"]["state"]] + [task["state"] for task in status["tasks"]]


assert client.get_cluster_info()["kafka_cluster_id"]
assert client.create_connector({"name": "lines", "config": config})["name"] == "lines"
until(states, ["RUNNING", "RUNNING"])
assert client.list_connectors(pattern="li*") == ["lines"]
assert client.list_connectors(state="RUNNING") == ["lines"]
assert client.list_connectors(expand="status")["lines"]["status"]["type"] == "source"
assert client.list_connectors(expand="info")["lines"]["info"]["config"]["file"] == path

# PUT a whole config: what Terraform's provider, Strimzi's operator and most scripts do, whether it exists or not.
assert client.update_connector("lines", {**config, "batch.size": "10"})["config"]["batch.size"] == "10"
assert client.get_connector_config("lines")["batch.size"] == "10"
until(states, ["RUNNING", "RUNNING"])

client.pause_connector("lines")
until(states, ["PAUSED", "PAUSED"])
client.resume_connector("lines")
until(states, ["RUNNING", "RUNNING"])
client.stop_connector("lines")
until(states, ["STOPPED"])
client.resume_connector("lines")
until(states, ["RUNNING", "RUNNING"])
# Python's True travels as "True".
assert client.restart_connector("lines", include_tasks=True)["connector"]["state"] == "RESTARTING"
until(states, ["RUNNING", "RUNNING"])
client.restart_connector_task("lines", 0)
until(lambda: client.get_connector_task_status("lines", 0)["state"], "RUNNING")
assert client.list_connector_tasks("lines")[0]["id"] == {"connector": "lines", "task": 0}
until(lambda: client.list_connector_topics("lines"), {"lines": {"topics": ["lines"]}})
client.reset_connector_topics("lines")

assert any(each["class"].endswith("PostgresConnector") for each in client.list_connector_plugins())
assert client.validate_connector_config("FileStreamSource", {"name": "lines", **config})["error_count"] == 0
wrong = client.validate_connector_config("FileStreamSource", {"name": "lines", **config, "tasks.max": "none"})
assert wrong["error_count"] == 1, wrong["error_count"]

host, port = url.removeprefix("http://").split(":")
cluster = Cluster(Api(host, port=int(port)))
assert cluster.version == client.get_cluster_info()["version"]
assert cluster.connectors["lines"].config["topic"] == "lines"
assert cluster.connectors["lines"].tasks[0].state == "RUNNING"
assert cluster.set_logger_log_level("connect.rest", "WARN") == ["connect.rest"]

client.delete_connector("lines")
assert client.list_connectors() == []
try:
    client.get_connector("lines")
    raise AssertionError("It is still there.")
except HTTPError as error:
    assert error.response.status_code == 404
print("done")
