import { catalogue } from "./catalogue";

export const words = catalogue({
  viewDialog: {
    changeTheView: "Change the view",
    saveTheFiltersAsAView: "Save the filters as a view",
    aViewOpensThisList: "A view opens this list with its filters and columns. Its range of time goes on with the clock.",
    name: "Name",
    sharedWithTheProject: "Shared with the project",
    withTheFilters: "With the filters that the list shows now",
    leaveIt: "Leave it",
    save: "Save",
  },
  viewMenu: {
    view: "View:",
    everything: "Everything",
    views: "Views",
  },
  viewsList: {
    everything: "Everything",
    savedViews: "Saved views",
    sharedBy: (madeBy: string) => `Shared by ${madeBy}`,
    thisListOpens: "This list opens with it: leave it",
    openThisListWithIt: "Open this list with it",
    default: (view: string) => `Default: ${view}`,
    change: (view: string) => `Change ${view}`,
    delete: (view: string) => `Delete ${view}`,
    deleteConfirm: "Delete",
    deleteTheViewQuestion: (view: string) => `Delete the view ${view}?`,
    deleteTheViewDescription: "It goes for everybody in the project. No run or table is touched.",
    noRunOrTableIsTouched: "No run or table is touched.",
    saveTheseFiltersAsAView: "Save these filters as a view",
    setFiltersToKeepThem: "Set filters to keep them under a name.",
    theseFiltersAreKeptAlready: "These filters are kept already.",
    shared: "shared",
  },
});
