// A vitest reporter: says at the end which tests passed only when they were tried again.
export default class Retried {
  #names = [];

  onTestCaseResult(test) {
    const { retryCount = 0 } = test.diagnostic() ?? {};
    if (retryCount > 0 && test.ok()) this.#names.push(`${test.module.relativeModuleId} > ${test.fullName}`);
  }

  onTestRunEnd() {
    if (this.#names.length === 0) return;
    console.log(`\n${this.#names.length} passed only when tried again; each is a bug to be looked into:`);
    for (const name of this.#names) console.log(`  ${name}`);
  }
}
