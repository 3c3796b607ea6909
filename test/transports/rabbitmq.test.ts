import { describe, test } from 'vitest';
import { transportConformance } from '../../src/testing/conformance/index.js';
import { rabbitmqSubject, SKIPPED, traits } from '../brokers/rabbitmq-subject.js';

transportConformance('rabbitmq', { describe, test, traits, skip: SKIPPED, create: rabbitmqSubject });
