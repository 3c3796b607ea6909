<?php
// Runs the jobs of the queue `php`. Needs the redis extension (phpredis): apt install php-redis, or pecl install redis.

['host' => $host, 'port' => $port] = parse_url(getenv('REDIS_URL') ?: 'redis://127.0.0.1:6379') + ['port' => 6379];
$redis = new Redis();
$redis->connect($host, $port);
$redis->setOption(Redis::OPT_READ_TIMEOUT, -1);

/** The work: the shelf with the highest number has it. */
function reserve(array $payload, ?array $previous): array
{
    if ($payload['shelves'] === []) {
        throw new RuntimeException('no shelf has it');
    }
    return ['total' => $previous['total'], 'shelf' => max($payload['shelves'])];
}

while (true) {
    $popped = $redis->brPop(['php'], 0);
    if (!$popped) {
        continue;
    }
    ['event' => $event, 'payload' => $payload, 'meta' => $meta] = json_decode($popped[1], true, 512, JSON_THROW_ON_ERROR);
    $previous = $meta['previous_result'] ?? null;
    $about = ['batch_id' => $meta['batch_id'], 'job_id' => $meta['job_id']];
    try {
        $result = reserve($payload, $previous);
        echo "$event  PHP         ", json_encode($previous), ' -> ', json_encode($result), "\n";
        $answer = ['event' => 'thrun.job.succeeded', 'payload' => $about + ['result' => $result]];
    } catch (Throwable $error) {
        $answer = ['event' => 'thrun.job.failed', 'payload' => $about + ['error' => ['message' => $error->getMessage()]]];
    }
    $redis->lPush('events', json_encode($answer, JSON_THROW_ON_ERROR));
}
