import { ThrunError, type ThrunErrorCode } from '../contracts/errors.js';

/** A command that did part of what it was asked: what it did is part of its JSON document, beside the error. */
export class PartialFailure extends ThrunError {
  readonly done: Readonly<Record<string, unknown>>;

  constructor(code: ThrunErrorCode, message: string, done: Readonly<Record<string, unknown>>, options?: ErrorOptions) {
    super(code, [message], options);
    this.done = done;
  }
}
