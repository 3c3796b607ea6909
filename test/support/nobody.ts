/** Has no rights of its own, on every Unix. */
const NOBODY = 65_534;

/** Does it as one who may not do everything: root may. Only what everybody may reach is within reach then. */
export async function withoutRights<Result>(work: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
