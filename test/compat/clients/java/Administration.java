/* Scenarios of the admin client. */
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;

final class Administration {
    static void topics() throws Exception {
        String topic = Client.unique("java");
        try (Admin admin = Client.admin()) {
            var wanted = new NewTopic(topic, 2, (short) 1).configs(Map.of("retention.ms", "60000"));
            var created = admin.createTopics(List.of(wanted));
            Client.equal(created.numPartitions(topic).get(), 2);
            Client.equal(created.config(topic).get().get("retention.ms").value(), "60000");
            Client.isTrue("a topic exists once", fails(() -> admin.createTopics(List.of(wanted)).all().get()));
            admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
            var described = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
            Client.equal(described.partitions().size(), 5);
            Client.isTrue("a topic id", !described.topicId().equals(Uuid.ZERO_UUID));
            Client.isTrue("it is listed", admin.listTopics().names().get().contains(topic));
            var byId = admin.describeTopics(TopicCollection.ofTopicIds(List.of(described.topicId()))).allTopicIds().get();
            Client.equal(byId.get(described.topicId()).name(), topic);
            admin.deleteTopics(TopicCollection.ofTopicIds(List.of(described.topicId()))).all().get();
            Client.isTrue("it is gone", !admin.listTopics().names().get().contains(topic));
        }
    }

    static void configs() throws Exception {
        String topic = Client.topic(1);
        var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        try (Admin admin = Client.admin()) {
            alter(admin, resource, "retention.ms", "1234", OpType.SET);
            alter(admin, resource, "cleanup.policy", "compact", OpType.APPEND);
            var entries = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            Client.equal(entries.get("retention.ms").value(), "1234");
            Client.equal(entries.get("retention.ms").source(), ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG);
            Client.equal(entries.get("cleanup.policy").value(), "delete,compact");
            alter(admin, resource, "retention.ms", null, OpType.DELETE);
            entries = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            Client.equal(entries.get("retention.ms").value(), "604800000");
            Client.isTrue("an unknown key is refused", fails(() -> alter(admin, resource, "no.such.key", "1", OpType.SET)));
            var broker = new ConfigResource(ConfigResource.Type.BROKER, brokerId(admin));
            Client.isTrue("broker keys", admin.describeConfigs(List.of(broker)).all().get().get(broker).entries().size() > 10);
        }
    }

    private static String brokerId(Admin admin) throws Exception {
        return admin.describeCluster().nodes().get().iterator().next().idString();
    }

    private static void alter(Admin admin, ConfigResource resource, String key, String value, OpType op) throws Exception {
        var change = new AlterConfigOp(new ConfigEntry(key, value), op);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(change))).all().get();
    }

    static void groups() throws Exception {
        String topic = Client.topic(2);
        String group = Client.unique("group");
        var partition = new TopicPartition(topic, 0);
        try (Admin admin = Client.admin()) {
            try (var consumer = Client.consumer(Map.of("group.id", group))) {
                consumer.subscribe(List.of(topic));
                Client.until("it is assigned", () -> {
                    consumer.poll(Duration.ofMillis(50));
                    return consumer.assignment().size() == 2;
                });
                consumer.commitSync(Map.of(partition, new OffsetAndMetadata(0)));
                var described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
                Client.equal(described.state().toString(), "Stable");
                Client.equal(described.members().iterator().next().assignment().topicPartitions().size(), 2);
                Client.isTrue("a group in use stays", fails(() -> admin.deleteConsumerGroups(List.of(group)).all().get()));
            }
            Client.isTrue("it is listed",
                    admin.listConsumerGroups().all().get().stream().anyMatch(each -> each.groupId().equals(group)));
            admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(7))).all().get();
            Client.equal(committed(admin, group).get(partition).offset(), 7L);
            admin.deleteConsumerGroupOffsets(group, Set.of(partition)).all().get();
            Client.isTrue("no offset is left", committed(admin, group).get(partition) == null);
            admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(7))).all().get();
            admin.deleteConsumerGroups(List.of(group)).all().get();
            Client.isTrue("it is gone",
                    admin.listConsumerGroups().all().get().stream().noneMatch(each -> each.groupId().equals(group)));
        }
    }

    private static Map<TopicPartition, OffsetAndMetadata> committed(Admin admin, String group) throws Exception {
        return admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    }

    static void positions() throws Exception {
        String topic = Client.topic(1);
        var partition = new TopicPartition(topic, 0);
        try (var producer = Client.producer(Map.of())) {
            long[] times = {1000, 3000, 2000, 4000};
            for (long time : times) producer.send(new ProducerRecord<>(topic, 0, time, "k", "v")).get();
        }
        try (Admin admin = Client.admin()) {
            Client.equal(find(admin, partition, OffsetSpec.earliest()).offset(), 0L);
            Client.equal(find(admin, partition, OffsetSpec.latest()).offset(), 4L);
            Client.equal(find(admin, partition, OffsetSpec.forTimestamp(2500)).offset(), 1L);
            Client.equal(find(admin, partition, OffsetSpec.forTimestamp(5000)).offset(), -1L);
            Client.equal(find(admin, partition, OffsetSpec.maxTimestamp()).offset(), 3L);
            var deleted = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(2)));
            Client.equal(deleted.lowWatermarks().get(partition).get().lowWatermark(), 2L);
            Client.equal(find(admin, partition, OffsetSpec.earliest()).offset(), 2L);
        }
        Client.equal(Client.readPartition(topic, 2, Map.of()).get(0).offset(), 2L);
    }

    private static ListOffsetsResultInfo find(Admin admin, TopicPartition partition, OffsetSpec spec) throws Exception {
        return admin.listOffsets(new HashMap<>(Map.of(partition, spec))).partitionResult(partition).get();
    }

    static void cluster() throws Exception {
        String topic = Client.topic(1);
        Client.send(topic, 0, "some bytes");
        try (Admin admin = Client.admin()) {
            var cluster = admin.describeCluster();
            Client.equal(cluster.nodes().get().size(), 1);
            var node = cluster.controller().get();
            Client.equal(node.host() + ":" + node.port(), Client.bootstrap);
            Client.isTrue("a cluster id", cluster.clusterId().get().length() > 10);
            var folders = admin.describeLogDirs(List.of(node.id())).allDescriptions().get().get(node.id());
            var folder = folders.values().iterator().next();
            Client.isTrue("its size", folder.replicaInfos().get(new TopicPartition(topic, 0)).size() > 10);
            Client.isTrue("the disk's size", folder.totalBytes().orElse(0) > 0);
            Client.isTrue("features", admin.describeFeatures().featureMetadata().get() != null);
        }
    }

    interface Call {
        void run() throws Exception;
    }

    private static boolean fails(Call call) {
        try {
            call.run();
            return false;
        } catch (Exception expected) {
            return true;
        }
    }
}
