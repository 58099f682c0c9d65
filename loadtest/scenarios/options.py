"""Options that the scenarios add to Locust's own."""

from __future__ import annotations

from locust import events
from locust.argument_parser import LocustArgumentParser


def add_options(parser: LocustArgumentParser) -> None:
    """Called by Locust."""
    group = parser.add_argument_group("Prompts and arrivals")
    group.add_argument(
        "--arrival-rate",
        type=float,
        default=0.0,
        help="Requests a second of each user, at the instants of a Poisson process whatever the answers do; "
        "0: the next request follows an answer.",
    )
    group.add_argument("--mode", default="", choices=["", "auto", "force", "off"], help="Compression; as served.")
    group.add_argument("--data", default="", env_var="SEMTOKEN_EVAL_DATA", help="Folder of data; bundled texts.")
    group.add_argument("--scenario", default="rag,agent,summarise,chat", help="What mix.py sends, parted by commas.")
    group.add_argument("--max-prompt-chars", type=int, default=16_000, help="Longest prompt in characters.")
    group.add_argument("--prompts", default="", help="File of `python -m loadtest.prompts`, for the three above.")
    group.add_argument("--start", type=int, default=0, help="Number of prompts passed over at first.")
    group.add_argument("--seed", type=int, default=0, help="Of the prompts' order and the arrivals.")
    group.add_argument("--model", default="", help="Model to ask; the first that the gateway lists.")
    group.add_argument("--ignore-eos", type=int, choices=[0, 1], default=1, help="1: all answers as long as asked.")
    group.add_argument("--run-id", default="", help="Written at each prompt's beginning; a random one.")
    group.add_argument("--records", default="", help="File to which a JSON line is added for each request.")


events.init_command_line_parser.add_listener(add_options)  # type: ignore[no-untyped-call]
