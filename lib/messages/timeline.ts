import { catalogue } from "./catalogue";

export const words = catalogue({
  rows: "Which phases are shown",
  show: { all: "All", open: "Not done", failed: "Failed" },
  none: { open: "Every phase is done.", failed: "No phase failed." },
  showAll: "Show all phases",
  time: "Which part of the time is shown",
  idle: "Short idle time",
  idleWhy: "Stretches in which nothing ran are drawn short",
  idleFor: (span: string) => `Nothing ran for ${span}`,
  earlier: "Earlier",
  later: "Later",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  wholeRun: "The whole run",
  axis: (from: string, to: string) => `Axis from ${from} to ${to}`,
});
