"""All figures in one run, each with its budget: pass or miss."""

import answers
import calls
import doors
import exactness
import paces
import start
import tokens
import writes
from measuring import show

if __name__ == "__main__":
    show(
        [
            *start.measure(),
            *calls.measure(),
            *exactness.measure(),
            *doors.measure(),
            *tokens.measure(),
            *answers.measure(),
            *writes.measure(),
            *paces.measure(),
        ]
    )
