import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "specs",
  outputDir: "output/results",
  fullyParallel: true,
  // Each test runs a Dovecot, a relay and a Chromium of its own.
  workers: 2,
  retries: 0,
  // Long beside what anything takes: events are awaited, and a slow machine is no failure.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  forbidOnly: true,
});
