/* Scenarios of consumer groups, by the classic protocol and by KIP-848's. */
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

final class Groups {
    private static final Map<String, Object> CLASSIC =
            Map.of("session.timeout.ms", 10_000, "heartbeat.interval.ms", 200);

    static void classicRebalance() throws Exception {
        rebalance(CLASSIC);
    }

    static void cooperativeRebalance() throws Exception {
        Map<String, Object> config = new HashMap<>(CLASSIC);
        config.put("partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
        rebalance(config);
    }

    static void consumerProtocol() throws Exception {
        rebalance(Map.of("group.protocol", "consumer"));
    }

    private static KafkaConsumer<String, String> member(String group, String topic, Map<String, Object> config) {
        Map<String, Object> all = new HashMap<>(config);
        all.put("group.id", group);
        var consumer = Client.consumer(all);
        consumer.subscribe(List.of(topic));
        return consumer;
    }

    /** Two members share four partitions; when one leaves, the other has all and reads what is written then. */
    private static void rebalance(Map<String, Object> config) throws Exception {
        String topic = Client.topic(4);
        String group = Client.unique("group");
        try (var first = member(group, topic, config)) {
            Client.until("the first owns all", () -> owned(first) == 4);
            try (var second = member(group, topic, config)) {
                Client.until("each owns two", () -> owned(first) == 2 & owned(second) == 2);
                Set<TopicPartition> union = new HashSet<>(first.assignment());
                union.addAll(second.assignment());
                Client.equal(union.size(), 4);
            }
            Client.until("the first owns all again", () -> owned(first) == 4);
            for (int partition = 0; partition < 4; partition++) Client.send(topic, partition, "a", "b");
            Client.equal(Client.read(first, 8).size(), 8);
        }
    }

    private static int owned(KafkaConsumer<String, String> consumer) {
        consumer.poll(Duration.ofMillis(50));
        return consumer.assignment().size();
    }

    static void offsets() throws Exception {
        String topic = Client.topic(1);
        String group = Client.unique("group");
        var partition = new TopicPartition(topic, 0);
        Client.send(topic, 0, "1", "2", "3", "4", "5");
        try (var consumer = member(group, topic, CLASSIC)) {
            Client.read(consumer, 5);
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(3, "half way")));
        }
        try (var consumer = member(group, topic, CLASSIC)) {
            var rest = Client.read(consumer, 2);
            Client.equal(rest.stream().map(record -> record.value()).toList(), List.of("4", "5"));
            var committed = consumer.committed(Set.of(partition)).get(partition);
            Client.equal(committed.offset(), 3L);
            Client.equal(committed.metadata(), "half way");
        }
        try (var consumer = Client.consumer(Map.of("group.id", Client.unique("group")))) {
            Client.isTrue("nothing committed", consumer.committed(Set.of(partition)).get(partition) == null);
            Client.equal(consumer.endOffsets(List.of(partition)).get(partition), 5L);
        }
    }
}
