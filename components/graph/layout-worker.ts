import { placesOf, type LayoutJob, type LayoutResult } from "./layout";

// Thousands of nodes are laid out beside the page, which stays quick meanwhile.
addEventListener("message", (event: MessageEvent<LayoutJob>) => {
  const result: LayoutResult = placesOf(event.data);
  postMessage(result);
});
