// What can be done with a document or a file: each action has a button, and says what went wrong beside it.
import { html } from "../elements.js";
import { ask as askStatus, isOpen, isReadable, learn } from "./documents.js";
import { confirm, complain } from "./dialogs.js";
import { call, json } from "./service.js";
import { menu } from "./downloads.js";
import { say } from "./words.js";

const LOCKED = new Set(["encrypted_document", "wrong_password"]);

const deliveries = new WeakMap();

/** Remember by which delivery an item was sent: it sends it again. */
export const sentBy = (item, delivery) => deliveries.set(item, delivery);

function button(action, act, label = say(`action.${action}`), kind = "quiet") {
  return html("button", { type: "button", class: kind, "data-action": action, click: act }, label);
}

/** The buttons of a row, from what is known of it. */
export function actionsOf(item, state) {
  if (state) return ofDocument(item, state);
  const delivery = deliveries.get(item);
  switch (item?.state) {
    case "held":
      return item.estimate || item.isUncounted ? [button("convert", () => delivery.send([item]), undefined, "small"), leaveOut(item)] : [leaveOut(item)];
    case "waiting":
    case "uploading":
      return [button("cancel", () => delivery.stop(item))];
    case "cancelled":
      return [button("again", () => delivery.sendAgain([item])), leaveOut(item)];
    case "refused":
      return item.file?.size ? [button("again", () => delivery.sendAgain([item])), leaveOut(item)] : [leaveOut(item)];
    default:
      return [];
  }
}

const leaveOut = (item) => button("leave_out", (event) => event.target.closest("li").dispatchEvent(new CustomEvent("leave", { bubbles: true, detail: item })));

function ofDocument(item, state) {
  const { id, status } = state;
  if (isOpen(state)) return [button("cancel", () => act(state, "cancel"))];
  if (isReadable(state)) {
    return [menu(state), ...(state.partial ? [button("retry", () => act(state, "retry"))] : []), remove(state)];
  }
  if (status === "failed" || status === "cancelled") return [isLocked(state) ? null : button("retry", () => act(state, "retry")), remove(state)];
  return status === "deleted" ? [] : [remove(state)];
}

async function act({ id, fileName }, what, fields = null) {
  const sent = fields ? { body: JSON.stringify(fields), more: { "Content-Type": "application/json" } } : {};
  try {
    learn({ ...await json(`/api/documents/${id}/${what}`, { method: "POST", ...sent }), needsPassword: false });
  } catch (problem) {
    if (problem.code === "password_required") learn({ id, needsPassword: true });
    else complain(fileName, problem);
    await askStatus(id).catch(() => {});
  }
}

const isLocked = (state) => document.body.dataset.takesPassword === "yes"
  && Boolean(state?.needsPassword || (state?.status === "failed" && LOCKED.has(state.errorCode)));

/** The field for the password of a document that is closed without one; null for others. */
export function unlock(state) {
  if (!isLocked(state)) return null;
  const field = html("input", { type: "password", id: `password-${state.id}`, autocomplete: "off", required: true });
  return html("form", {
    class: "unlock",
    submit: (event) => {
      event.preventDefault();
      act(state, "retry", { password: field.value });
    },
  }, html("label", { for: field.id }, say("options.password")), field, html("button", { class: "quiet", "data-action": "unlock" }, say("action.unlock")));
}

const remove = (state) => button("delete", () => removeDocument(state));

/** Delete a document after a question; returns whether it is gone. */
export async function removeDocument({ id, fileName }) {
  if (!(await confirm(say("delete.question", { name: fileName }), say("delete.remedy"), say("action.delete")))) return false;
  try {
    await call(`/api/documents/${id}`, { method: "DELETE" });
    learn({ id, status: "deleted" });
    return true;
  } catch (problem) {
    complain(fileName, problem);
    return false;
  }
}
