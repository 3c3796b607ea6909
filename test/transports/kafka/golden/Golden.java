import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;

/** Batches as Java's producer and a broker write them: java -cp 'node_modules/.cache/thrun-kafka/*' Golden.java > golden.json */
class Golden {
  static final Map<String, String> made = new TreeMap<>();

  public static void main(String[] args) {
    Header[] headers = {
      new RecordHeader("a", "1".getBytes()), new RecordHeader("b", null), new RecordHeader("a", "2".getBytes()),
    };
    SimpleRecord[] records = {
      new SimpleRecord(1_700_000_000_000L, "key".getBytes(), "value".getBytes(), headers),
      new SimpleRecord(1_699_999_000_000L, null, "x".repeat(300).getBytes()),
      new SimpleRecord(1_700_000_000_005L, "gone".getBytes(), null),
      new SimpleRecord(1_800_000_000_000L, new byte[0], new byte[0]),
    };
    long far = 1L << 40;
    put("plain", MemoryRecords.withRecords((byte) 2, far, Compression.NONE, TimestampType.CREATE_TIME, records));
    put("gzip", MemoryRecords.withRecords((byte) 2, far, gzip(), TimestampType.CREATE_TIME, records));
    MemoryRecords stamped = MemoryRecords.withRecords((byte) 2, 7, Compression.NONE, TimestampType.CREATE_TIME, records);
    stamped.batches().iterator().next().setMaxTimestamp(TimestampType.LOG_APPEND_TIME, 1_750_000_000_000L);
    put("stamped by the broker", stamped);
    SimpleRecord[] old = {
      new SimpleRecord(1_700_000_000_000L, "key".getBytes(), "one".getBytes()),
      new SimpleRecord(1_700_000_000_001L, null, "two".getBytes()),
    };
    put("v1", MemoryRecords.withRecords((byte) 1, 5, Compression.NONE, TimestampType.CREATE_TIME, old));
    put("v0", MemoryRecords.withRecords((byte) 0, 5, Compression.NONE, TimestampType.NO_TIMESTAMP_TYPE,
        new SimpleRecord(-1L, "key".getBytes(), "one".getBytes()), new SimpleRecord(-1L, null, "two".getBytes())));
    // Two producers at the same time, of which one gives up; and one without a transaction.
    put("transactions",
        transactional(0, 11, "given up 0"),
        transactional(1, 12, "kept 1"),
        MemoryRecords.withRecords((byte) 2, 2, Compression.NONE, TimestampType.CREATE_TIME, new SimpleRecord("plain 2".getBytes())),
        transactional(3, 11, "given up 3"),
        marker(4, 11, ControlRecordType.ABORT),
        transactional(5, 11, "kept 5"),
        marker(6, 12, ControlRecordType.COMMIT),
        marker(7, 11, ControlRecordType.COMMIT));
    System.out.println("{");
    int left = made.size();
    for (Map.Entry<String, String> one : made.entrySet())
      System.out.printf("  \"%s\": \"%s\"%s%n", one.getKey(), one.getValue(), --left > 0 ? "," : "");
    System.out.println("}");
  }

  static Compression gzip() {
    return Compression.of(CompressionType.GZIP).build();
  }

  static MemoryRecords transactional(long offset, long producer, String text) {
    return MemoryRecords.withTransactionalRecords(offset, Compression.NONE, producer, (short) 0, (int) offset, 0,
        new SimpleRecord(1_700_000_000_000L, text.getBytes()));
  }

  static MemoryRecords marker(long offset, long producer, ControlRecordType type) {
    return MemoryRecords.withEndTransactionMarker(offset, 1_700_000_000_000L, 0, producer, (short) 0, new EndTransactionMarker(type, 0));
  }

  static void put(String name, MemoryRecords... all) {
    ByteBuffer bytes = ByteBuffer.allocate(1 << 16);
    for (MemoryRecords records : all) bytes.put(records.buffer().duplicate());
    byte[] written = new byte[bytes.position()];
    bytes.flip().get(written);
    made.put(name, Base64.getEncoder().encodeToString(written));
  }
}
