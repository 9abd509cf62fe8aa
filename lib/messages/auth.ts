import { catalogue } from "./catalogue";

export const words = catalogue({
  acceptInvitation: {
    accept: "Accept",
    youAreSignedInAs: (email: string) => `You are signed in as ${email}.`,
    signInAsSomebodyElse: "Sign in as somebody else",
  },
  signInForm: {
    problems: { email_missing: "Type your e-mail address.", password_missing: "Type your password.", wrong: "E-mail or password is wrong. Check both and try again.", rate_limited: "Too many attempts. Wait a minute, then try again.", not_confirmed: "This e-mail address is not confirmed yet. Open the link that was sent to it.", banned: "This account is suspended. Ask an admin of the organization.", unavailable: "The sign-in service does not answer. Try again in a moment; if it stays, look at the log of the control room." },
    email: "E-mail",
    password: "Password",
    hideThePassword: "Hide the password",
    showThePassword: "Show the password",
    signingIn: "Signing in…",
    signIn: "Sign in",
  },
  mailedActions: {
    theLinkWasSent: "The link was sent to another address, and is used now. Ask for a new one.",
  },
  mailedPage: {
    openAMailedLink: "Open a mailed link",
    signInWithAPassword: "Sign in with a password",
    changeTheEmailAddress: "Change the e-mail address",
    changeTheEmailAddressDescription: "You asked for this change in your account. If it was not you, leave this page.",
    confirmTheAddress: "Confirm the address",
    signIn: "Sign in",
    signInDescription: "A mailed link signs in whom it was sent to. If this is not your address, leave this page.",
    yourEmail: "Your e-mail",
    signInAs: (email: string) => `Sign in as ${email}`,
  },
  forgotPasswordActions: {
    ifThereIsAnAccount: "If there is an account with this address, a link is on its way. Open it in this browser within an hour.",
  },
  forgotPasswordPage: {
    forgotPassword: "Forgot password",
    forgotPasswordDescription: "That link is used, expired, or was asked for in another browser. Ask for a new one.",
    aLinkToChoose: "A link to choose a new one is sent to your address.",
    signIn: "Sign in",
    sendTheLink: "Send the link",
    email: "E-mail",
  },
  tokenPage: {
    invitation: "Invitation",
    theInvitationCannotBeUsed: "The invitation cannot be used",
    toTheControlRoom: "To the control room",
    join: (organizationName: string) => `Join ${organizationName}`,
    invitesYouAsOf: (invitedBy: string, role: string, list: string) => `${invitedBy} invites you as ${role} of ${list}.`,
    anAdmin: "An admin",
    theWholeOrganization: "the whole organization",
  },
  resetPasswordActions: {
    thisNeedsALink: "This needs a link that was mailed within the last hour. Ask for one under \"Forgot password\".",
  },
  resetPasswordPage: {
    chooseANewPassword: "Choose a new password",
    youAreSignedOutEverywhereElse: "You are signed out everywhere else.",
    saveThePassword: "Save the password",
    newPassword: "New password",
  },
  signInPage: {
    signIn: "Sign in",
    signInDescription: "You are invited. Sign in, or create an account, with the address that the invitation was sent to.",
    forgotPassword: "Forgot password?",
    createAnAccount: "Create an account",
  },
  signUpActions: {
    openTheLinkThatWas: "Open the link that was sent to this address.",
  },
  signUpPage: {
    createAnAccount: "Create an account",
    createAnAccountDescription: "Accounts are made with the link of an invitation: open it first.",
    useTheAddressThatWasInvited: "Use the address that was invited.",
    signInInstead: "Sign in instead",
    createTheAccount: "Create the account",
    email: "E-mail",
    password: "Password",
    passwordDescription: "A long one; a password manager makes the best.",
  },
});
