#pragma once // nothing of it is used
