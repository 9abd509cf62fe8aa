export { NotFoundState as default } from "@/components/common/not-found-state";
