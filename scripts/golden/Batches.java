/*
 * Prints record batches built by Kafka's own MemoryRecordsBuilder, one JSON object a line, with the records that are in
 * them; and murmur2 of some keys. Run by scripts/golden/make-golden.ts.
 */
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Random;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.Utils;

public final class Batches {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Random RANDOM = new Random(20261121L);
    private static final long NOW = 1_790_000_000_000L;

    public static void main(String[] args) throws Exception {
        for (CompressionType type : CompressionType.values()) {
            for (int records : new int[] {1, 3, 200}) {
                print(plain(type, records, false));
                print(plain(type, records, true));
            }
        }
        print(logAppendTime());
        print(marker(ControlRecordType.COMMIT));
        print(marker(ControlRecordType.ABORT));
        for (int length = 0; length < 40; length++) printHash(bytes(length));
        for (String key : new String[] {"", "a", "truck-1", "größe-√", "customer:4711"}) {
            printHash(key.getBytes(StandardCharsets.UTF_8));
        }
    }

    private static MemoryRecords plain(CompressionType type, int records, boolean transactional) {
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(ByteBuffer.allocate(1 << 20), RecordBatch.MAGIC_VALUE_V2,
            Compression.of(type).build(), TimestampType.CREATE_TIME, 5_000_000_000L, RecordBatch.NO_TIMESTAMP,
            transactional ? 4_294_967_300L : -1L, (short) (transactional ? 12 : -1), transactional ? 345 : -1,
            transactional, false, 7, 1 << 20);
        for (int i = 0; i < records; i++) builder.append(NOW + RANDOM.nextInt(5000) - 2000, key(), value(), headers());
        return builder.build();
    }

    private static MemoryRecords logAppendTime() {
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(ByteBuffer.allocate(4096), RecordBatch.MAGIC_VALUE_V2,
            Compression.NONE, TimestampType.LOG_APPEND_TIME, 10L, NOW, -1L, (short) -1, -1, false, false, 0, 4096);
        for (int i = 0; i < 3; i++) builder.append(NOW - i, key(), value(), headers());
        return builder.build();
    }

    private static MemoryRecords marker(ControlRecordType type) {
        return MemoryRecords.withEndTransactionMarker(77L, NOW, 3, 99L, (short) 4, new EndTransactionMarker(type, 21));
    }

    private static void print(MemoryRecords records) throws Exception {
        RecordBatch batch = records.batches().iterator().next();
        ByteBuffer buffer = records.buffer().duplicate();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        ObjectNode node = MAPPER.createObjectNode().put("bytes", base64(bytes)).put("codec", batch.compressionType().name);
        node.put("baseOffset", batch.baseOffset()).put("lastOffset", batch.lastOffset());
        node.put("leaderEpoch", batch.partitionLeaderEpoch()).put("maxTimestamp", batch.maxTimestamp());
        node.put("producerId", batch.producerId()).put("producerEpoch", batch.producerEpoch());
        node.put("baseSequence", batch.baseSequence()).put("isTransactional", batch.isTransactional());
        node.put("isControl", batch.isControlBatch());
        node.put("isLogAppendTime", batch.timestampType() == TimestampType.LOG_APPEND_TIME);
        ArrayNode list = node.putArray("records");
        for (Record record : batch) list.add(describe(record));
        System.out.println(MAPPER.writeValueAsString(node));
    }

    private static ObjectNode describe(Record record) {
        ObjectNode node = MAPPER.createObjectNode().put("offset", record.offset()).put("timestamp", record.timestamp());
        node.put("key", base64(Utils.toNullableArray(record.key())));
        node.put("value", base64(Utils.toNullableArray(record.value())));
        ArrayNode headers = node.putArray("headers");
        for (Header header : record.headers()) headers.addObject().put("key", header.key()).put("value", base64(header.value()));
        return node;
    }

    private static void printHash(byte[] key) throws Exception {
        ObjectNode node = MAPPER.createObjectNode().put("key", base64(key)).put("murmur2", Utils.murmur2(key));
        System.out.println(MAPPER.writeValueAsString(node.put("partitionOf10", Utils.toPositive(Utils.murmur2(key)) % 10)));
    }

    private static byte[] key() {
        return RANDOM.nextInt(4) == 0 ? null : bytes(RANDOM.nextInt(30));
    }

    private static byte[] value() {
        int kind = RANDOM.nextInt(6);
        if (kind == 0) return null;
        if (kind == 1) return bytes(RANDOM.nextInt(300));
        byte[] text = new byte[RANDOM.nextInt(400)];
        Arrays.fill(text, (byte) ('a' + kind));
        return text;
    }

    private static Header[] headers() {
        Header[] headers = new Header[RANDOM.nextInt(3) == 0 ? 1 + RANDOM.nextInt(2) : 0];
        for (int i = 0; i < headers.length; i++) headers[i] = new RecordHeader(i == 0 ? "trace" : "größe", i == 1 ? null : bytes(5));
        return headers;
    }

    private static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        RANDOM.nextBytes(bytes);
        return bytes;
    }

    private static String base64(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }
}
