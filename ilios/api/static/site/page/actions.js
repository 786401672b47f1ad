// What can be done with a document or a file: each action has a button, and says what went wrong beside it.
import { html } from "../elements.js";
import { ask as askStatus, isOpen, isReadable, learn } from "./documents.js";
import { confirm, complain } from "./dialogs.js";
import { call, json } from "./service.js";
import { menu } from "./downloads.js";
import { say } from "./words.js";

const LOCKED = new Set(["encrypted_document", "wrong_password"]);
/** What is so of a file with its options, however often it is tried. */
const LASTING = new Set(["pages_out_of_range", "schema_document_too_long", "empty_document"]);

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
      return mayBeSentAgain(item) ? [button("again", () => delivery.sendAgain([item])), leaveOut(item)] : [leaveOut(item)];
    default:
      return [];
  }
}

const mayBeSentAgain = (item) => item.file?.size && !isLocked(item, null) && !LASTING.has(item.problem.code);

const leaveOut = (item) => button("leave_out", (event) => event.target.closest("li").dispatchEvent(new CustomEvent("leave", { bubbles: true, detail: item })));

function ofDocument(item, state) {
  const { id, status } = state;
  if (isOpen(state)) return [button("cancel", () => act(state, "cancel"))];
  if (isReadable(state)) {
    return [menu(state), ...(state.partial ? [button("retry", () => act(state, "retry"))] : []), remove(state)];
  }
  if (status === "failed" || status === "cancelled") {
    const isOver = isLocked(item, state) || LASTING.has(state.errorCode);
    return [isOver ? null : button("retry", () => act(state, "retry")), remove(state)];
  }
  return status === "deleted" ? [button("put_away", () => learn({ id, isPutAway: true }))] : [remove(state)];
}

/** Whether there is a document that can be deleted as it is. */
export const isRemovable = (state) => Boolean(state) && !isOpen(state) && state.status !== "deleted";

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

function isLocked(item, state) {
  if (document.body.dataset.takesPassword !== "yes") return false;
  if (state) return Boolean(state.needsPassword || (state.status === "failed" && LOCKED.has(state.errorCode)));
  return item?.state === "refused" && LOCKED.has(item.problem.code); // it was counted, and not sent
}

/** The field for the password of a document or file that is closed without one; null for others. */
export function unlock(item, state) {
  if (!isLocked(item, state)) return null;
  const field = html("input", { type: "password", id: `password-${state?.id ?? item.number}`, autocomplete: "off", required: true, "data-action": "password" });
  return html("form", {
    class: "unlock",
    submit: (event) => {
      event.preventDefault();
      if (state) act(state, "retry", { password: field.value });
      else deliveries.get(item).unlock(item, field.value);
    },
  }, html("label", { for: field.id }, say("options.password")), field, html("button", { class: "quiet", "data-action": "unlock" }, say("action.unlock")));
}

const remove = (state) => button("delete", () => removeDocument(state));

/** Delete a document after a question; returns whether it is gone. */
export async function removeDocument({ id, fileName }) {
  if (!(await confirm(say("delete.question", { name: fileName }), say("delete.remedy"), say("action.delete")))) return false;
  try {
    await call(`/api/documents/${id}`, { method: "DELETE" });
    learn({ id, status: "deleted", isPutAway: true });
    return true;
  } catch (problem) {
    complain(fileName, problem);
    return false;
  }
}
