import { describe, test } from 'vitest';
import { transportConformance } from '../../src/testing/conformance/index.js';
import { kafkaSubject, SKIPPED, traits } from '../brokers/kafka-subject.js';

transportConformance('kafka', {
  describe,
  test,
  traits,
  skip: SKIPPED,
  with: ['history', 'burial'],
  create: kafkaSubject,
});
