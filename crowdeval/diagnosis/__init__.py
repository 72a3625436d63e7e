"""Why a number is what it is: causes of errors and what each costs."""
