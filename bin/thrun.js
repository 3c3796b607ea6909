#!/usr/bin/env node
import { main } from '../dist/cli/main.js';
process.exitCode = await main(process.argv.slice(2));
// What a config or a listener left open (a connection, a timer) is not to keep a command that is done.
setTimeout(() => process.exit(), 250).unref();
