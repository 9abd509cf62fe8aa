import { needsRole } from "@/components/common/needs-role";
import { ViewMenu } from "@/components/views/view-menu";
import type { Environment } from "@/contracts/role.ts";
import type { ViewList, Views } from "@/contracts/view.ts";
import { deleteViewAction, saveViewAction, setDefaultViewAction } from "./view-actions.ts";

const actions = { save: saveViewAction, remove: deleteViewAction, setDefault: setDefaultViewAction };

/** The saved views of a list, for its header. */
export function ListViews({ list, environment, views }: { list: ViewList; environment: Environment; views: Views }) {
  return <ViewMenu list={list} projectId={environment.project_id} views={views} refusedToShare={needsRole(environment.role, "operator")} governs={needsRole(environment.role, "admin") === null} actions={actions} />;
}
