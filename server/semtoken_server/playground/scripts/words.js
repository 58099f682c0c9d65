// The gateway's words for people.

const STATUSES = {
  compressed: "Compressed.",
  skipped: "Left as it is.",
  off: "Compression is off.",
  "failed-open": "Forwarded uncompressed.",
};

const REASONS = {
  ok: "As asked.",
  pinned_over_budget: "What is pinned is over the budget alone, so more is kept than asked.",
  budget_missed: "Pieces that may not be cut left less or more than asked.",
  target_missed: "Too little of it may be compressed to meet the target.",
  fit_window: "It was over the model's context and was made to fit.",
  window_missed: "It is over the model's context, and too little of it may be compressed.",
  too_short: "It is too short to gain from compression. Mode Force compresses it all the same.",
  whole_text_task: "The task needs the whole text. Mode Force compresses it all the same.",
  role_excluded: "Messages of this role may not be compressed here.",
  nothing_to_compress: "There is nothing that may be compressed.",
  ratio_one: "It is within the budget already.",
  mode_off: "",
  encoder_loading: "The encoder is still loading. Try again in a moment.",
  encoder_missing: "The encoder was not found.",
  encoder_error: "The encoder failed.",
  tokenizer_unchecked: "The tokenizer has not been compared with the engine's yet.",
  tokenizer_mismatch: "The tokenizer is not the engine's.",
  queue_full: "Too many compressions are waiting.",
  deadline: "It took longer than the gateway allows.",
  shutting_down: "The gateway is being stopped.",
};

/** A reason in words; one that this page does not know, as it is. */
const reasonInWords = (reason) => REASONS[reason] ?? `Reason: ${reason}.`;
const statusInWords = (status) => STATUSES[status] ?? `${status}.`;

const DECISIONS = {
  keep: { name: "Kept", meaning: "kept word for word", forwarded: true, tag: "span" },
  pinned: { name: "Pinned", meaning: "pinned, never dropped", forwarded: true, tag: "span" },
  thin: { name: "Thinned", meaning: "thinned, parts of it go", forwarded: true, tag: "span" },
  merge: { name: "Merged", meaning: "merged into its like", forwarded: false, tag: "del" },
  drop: { name: "Dropped", meaning: "dropped", forwarded: false, tag: "del" },
};

const STAGES = {
  segment: "Finding sentences",
  encode: "Encoding",
  cluster: "Clustering",
  density: "Scoring",
  budget: "Choosing",
  realise: "Putting together",
  total: "In all",
};

const NOTES = {
  mode: {
    auto: "Compresses where it is worth it and safe",
    force: "Also short texts, and tasks that need the whole text",
    off: "Forwards everything",
  },
  realise: {
    text: "Plain text, for any engine",
    tokens: "Needs an engine that takes token ids in a chat",
    embeds: "Needs an engine that takes input embeddings",
  },
  stability: {
    turn: "Chosen for the question asked",
    document: "The same for every question, so that a cached prefix is shared",
  },
};
