// lines ADDRESS TOPIC [CODEC]: each line of stdin is a record. Without a codec: as franz-go compresses by itself.
package main

import (
	"bufio"
	"context"
	"log"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func main() {
	options := []kgo.Opt{kgo.SeedBrokers(os.Args[1]), kgo.DefaultProduceTopic(os.Args[2])}
	if len(os.Args) > 3 {
		options = append(options, kgo.ProducerBatchCompression(codecs[os.Args[3]]))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		records = append(records, &kgo.Record{Value: append([]byte(nil), lines.Bytes()...)})
	}
	if err := client.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		log.Fatal(err)
	}
}
