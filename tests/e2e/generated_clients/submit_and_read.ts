// Submits a job and reads it with openapi-fetch and the types that openapi-typescript made: submit_and_read.ts URL
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./treadle.d.ts";

const client = createClient<paths>({ baseUrl: process.argv[2] });
const payload = { text: "grüße", numbers: [1, 2.5, null] };
const body: components["schemas"]["JobRequest"] = { type: "echo", queue: "default", payload };

const submitted = await client.POST("/v1/jobs", { body, params: { header: { Prefer: "wait=20" } } });
assert.equal(submitted.response.status, 201);
assert.ok(submitted.data);

const job_id: string = submitted.data.id;
const read = await client.GET("/v1/jobs/{job_id}", { params: { path: { job_id } } });
assert.equal(read.data?.state, "SUCCESS");
assert.deepEqual(read.data.payload, payload);
assert.deepEqual(read.data.result, payload);

const page = await client.GET("/v1/jobs", { params: { query: { state: ["SUCCESS"], type: "echo", limit: 1 } } });
assert.equal(page.data?.items.length, 1);

const unknown = await client.GET("/v1/jobs/{job_id}", { params: { path: { job_id: crypto.randomUUID() } } });
assert.equal(unknown.error?.type, "/problems/job-not-found");
