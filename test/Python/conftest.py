"""Settings of all tests: nothing comes from models that were compiled before."""

import os

os.environ["SECATEUR_CACHE"] = "off"
