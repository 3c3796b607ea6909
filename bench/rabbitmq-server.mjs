import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** A RabbitMQ of the benchmark's own. It dies with this process. */
export async function startRabbitmq(data) {
  const folder = mkdtempSync(join(data, 'rabbitmq-'));
  const [port, dist, mapper] = [await freePort(), await freePort(), await freePort()];
  mkdirSync(join(folder, 'home'));
  writeFileSync(join(folder, 'enabled_plugins'), '[].');
  const lines = [`listeners.tcp.1 = 127.0.0.1:${port}`, 'disk_free_limit.absolute = 50MB', 'log.console = false'];
  writeFileSync(join(folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`);
  const epmd = spawn('epmd', ['-port', String(mapper), '-address', '127.0.0.1'], { stdio: 'ignore' });
  const env = {
    PATH: process.env.PATH,
    HOME: join(folder, 'home'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    RABBITMQ_NODENAME: `bench-${port}@localhost`,
    RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_DIST_PORT: String(dist),
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RUNNING_UNDER_SYSTEMD: '1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}',
  };
  const server = spawn(SERVER, { env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => {
    if (server.exitCode === null && server.signalCode === null) process.kill(-server.pid, 'SIGKILL');
    epmd.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', stop);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
  let said = '';
  for await (const chunk of server.stdout) {
    said += chunk;
    if (said.includes('completed with')) break;
  }
  if (server.exitCode !== null) throw new Error(`rabbitmq-server ended:\n${said}`);
  return { url: `amqp://127.0.0.1:${port}`, stop };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
