"""The example handlers, all in one registry: `--handlers examples.handlers:handlers`."""

from examples import csv_summarize, http_request, image_thumbnail
from examples.make_orders import make_orders_if_missing

from treadle import Handlers

handlers = Handlers()
handlers.include(csv_summarize.handlers)
handlers.include(http_request.handlers)
handlers.include(image_thumbnail.handlers)


@handlers.startup
def have_orders() -> None:
    """examples/data/orders.csv is there before the first job that could ask for it."""
    make_orders_if_missing()
