/** What a new pipeline begins with: it is valid, and says by example what a spec holds. */
export const sampleSpec = `version: 1
name: my_pipeline
title: My pipeline
owner: data-team
parameters:
  type: object
  properties:
    as_of: { type: string, format: date, default: "2026-01-01" }
phases:
  - name: totals
    type: query
    config:
      inputs: []
      sql: select date '2026-01-01' as day, 1 as orders
`;
