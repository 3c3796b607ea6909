import type { StandardSchemaV1 } from '@standard-schema/spec';

export type Validated = { readonly value: unknown } | { readonly problem: string };

/** The payload as the schema gives it back, or where it fails: `items.0.sku: expected string`. */
export async function validatePayload(schema: StandardSchemaV1, payload: unknown): Promise<Validated> {
  const result = await schema['~standard'].validate(payload);
  if (!result.issues) return { value: result.value };
  return { problem: result.issues.slice(0, 20).map(describe).join('; ') };
}

function describe({ path = [], message }: StandardSchemaV1.Issue): string {
  const steps = path.map((step) => String(typeof step === 'object' ? step.key : step));
  return steps.length > 0 ? `payload.${steps.join('.')}: ${message}` : `payload: ${message}`;
}
