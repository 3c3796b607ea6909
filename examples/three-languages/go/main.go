// Runs the jobs of the queue `go`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/redis/go-redis/v9"
)

type job struct {
	Event   string          `json:"event"`
	Payload json.RawMessage `json:"payload"`
	Meta    struct {
		BatchID        string          `json:"batch_id"`
		JobID          string          `json:"job_id"`
		PreviousResult json.RawMessage `json:"previous_result"`
	} `json:"meta"`
}

// ship is the work: a parcel from the shelf that the step before found.
func ship(j job) (any, error) {
	var previous struct {
		Shelf string  `json:"shelf"`
		Total float64 `json:"total"`
	}
	if err := json.Unmarshal(j.Meta.PreviousResult, &previous); err != nil {
		return nil, err
	}
	if previous.Shelf == "" {
		return nil, errors.New("nothing is reserved")
	}
	return map[string]any{"parcel": "P-" + previous.Shelf, "total": previous.Total}, nil
}

func main() {
	url := os.Getenv("REDIS_URL")
	if url == "" {
		url = "redis://127.0.0.1:6379"
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	client := redis.NewClient(options)
	for {
		popped, err := client.BRPop(ctx, 0, "go").Result()
		if err != nil {
			log.Fatal(err)
		}
		var j job
		if err := json.Unmarshal([]byte(popped[1]), &j); err != nil {
			log.Printf("not a job: %v", err)
			continue
		}
		answer := map[string]any{"batch_id": j.Meta.BatchID, "job_id": j.Meta.JobID}
		event := "thrun.job.succeeded"
		if result, err := ship(j); err != nil {
			event = "thrun.job.failed"
			answer["error"] = map[string]any{"message": err.Error()}
		} else {
			answer["result"] = result
			line, _ := json.Marshal(result)
			fmt.Printf("%-8s Go          %s -> %s\n", j.Event, j.Meta.PreviousResult, line)
		}
		body, _ := json.Marshal(map[string]any{"event": event, "payload": answer})
		if err := client.LPush(ctx, "events", body).Err(); err != nil {
			log.Fatal(err)
		}
	}
}
