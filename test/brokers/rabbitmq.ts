export async function sharedRabbitmq(): Promise<string> {
  return process.env.AMQP_URL ?? 'amqp://127.0.0.1:17671';
}
